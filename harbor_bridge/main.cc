#include "harbor_bridge/bridge.h"
#include "harbor_bridge/bridge_config.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"

int main(int argc, char** argv) {
  using harbor_bridge::BridgeConfig;
  harbor_bridge::BridgeFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "harbor-bridge";
  info.description = "Turns Harbor's events into work for the swarm.";
  info.add_flags = [&flags](kraken::config::FlagSet& set) { harbor_bridge::AddFlags(set, &flags); };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const BridgeConfig config,
                        kraken::daemon::ReadDaemonConfig<BridgeConfig>(document));
    return harbor_bridge::StartBridge(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
