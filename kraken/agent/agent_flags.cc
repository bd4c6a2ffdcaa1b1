#include "kraken/agent/agent_flags.h"

namespace kraken::agent {

constexpr int kMaxPort = 65535;

void AddFlags(config::FlagSet& set, AgentFlags* flags) {
  set.String("peer-ip", &flags->peer_ip,
             "address at which peers reach this host; empty: that of eth0, ib0, eth1 or eth2");
  set.Int("peer-port", &flags->peer_port, 0, kMaxPort, "port for peers; 0: any free one");
  set.Int("agent-server-port", &flags->agent_server_port, 0, kMaxPort,
          "port of health, metrics and generic downloads");
  set.Int("agent-registry-port", &flags->agent_registry_port, 0, kMaxPort,
          "port of the registry that container runtimes pull from");
  set.String("zone", &flags->zone, "zone of this host; peers of the same zone are preferred");
  set.Int("fault-corrupt-upload", &flags->fault_corrupt_upload, 0, 1 << 30,
          "for tests of a cluster: send the n-th uploaded piece damaged; 0: never");
}

}  // namespace kraken::agent
