#include "kraken/agent/agent.h"
#include "kraken/agent/agent_config.h"
#include "kraken/agent/agent_flags.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"

int main(int argc, char** argv) {
  using kraken::agent::AgentConfig;
  kraken::agent::AgentFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "kraken-agent";
  info.description = "One per node: a read-only registry whose blobs come from the swarm.";
  info.add_flags = [&flags](kraken::config::FlagSet& set) { kraken::agent::AddFlags(set, &flags); };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const AgentConfig config,
                        kraken::daemon::ReadDaemonConfig<AgentConfig>(document));
    return kraken::agent::StartAgent(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
