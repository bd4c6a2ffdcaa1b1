#ifndef KRAKEN_AGENT_AGENT_H_
#define KRAKEN_AGENT_AGENT_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/agent/agent_config.h"
#include "kraken/agent/agent_flags.h"
#include "kraken/daemon/run_daemon.h"

namespace kraken::agent {

// Builds and starts an agent: the store, the swarm node, the way to trackers and build-index, and
// the registry in front. Errors carry exit codes.
absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartAgent(const AgentConfig& config,
                                                           const AgentFlags& flags,
                                                           const daemon::DaemonContext& context);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_H_
