#include <string>
#include <vector>

#include "harbor_bridge/bridge.h"
#include "harbor_bridge/bridge_config.h"
#include "harbor_bridge/setup/setup_command.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/command.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"

int main(int argc, char** argv) {
  using harbor_bridge::BridgeConfig;
  if (argc > 1 && harbor_bridge::IsSetupCommand(argv[1])) {
    const std::vector<std::string> arguments(argv + 2, argv + argc);
    return harbor_bridge::RunSetupCommand(argv[1], arguments, kraken::daemon::ProcessTerminal());
  }
  harbor_bridge::BridgeFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "harbor-bridge";
  info.description =
      "Turns Harbor's events into work for the swarm.\n"
      "Commands: register, unregister, doctor (harbor-bridge doctor --help).";
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
