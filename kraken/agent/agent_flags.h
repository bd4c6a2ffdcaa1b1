#ifndef KRAKEN_AGENT_AGENT_FLAGS_H_
#define KRAKEN_AGENT_AGENT_FLAGS_H_

#include <string>

#include "kraken/config/flags.h"

namespace kraken::agent {

// Kraken's command line of an agent.
struct AgentFlags {
  std::string peer_ip;
  int peer_port = 16001;
  int agent_server_port = 16002;
  int agent_registry_port = 13000;
  std::string zone;
  // For the lab: see peer_wire::WireFaults.
  int fault_corrupt_upload = 0;
};
void AddFlags(config::FlagSet& set, AgentFlags* flags);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_FLAGS_H_
