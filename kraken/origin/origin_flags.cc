#include "kraken/origin/origin_flags.h"

namespace kraken::origin {

constexpr int kMaxPort = 65535;

void AddFlags(config::FlagSet& set, OriginFlags* flags) {
  set.String("peer-ip", &flags->peer_ip,
             "address at which peers reach this host; empty: that of eth0, ib0, eth1 or eth2");
  set.Int("peer-port", &flags->peer_port, 0, kMaxPort, "port for peers; 0: any free one");
  set.String("blobserver-hostname", &flags->blobserver_hostname,
             "this origin's name in the cluster's host list; empty: the host's name");
  set.Int("blobserver-port", &flags->blobserver_port, 1, kMaxPort,
          "port of HTTP, and this origin's port in the cluster's host list");
  set.Int("grpc-port", &flags->grpc_port, 0, kMaxPort,
          "port of gRPC; 0: any free one (others learn it over HTTP)");
  set.String("zone", &flags->zone, "zone of this host");
}

}  // namespace kraken::origin
