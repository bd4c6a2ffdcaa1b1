#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "harbor_bridge/bridge.h"
#include "harbor_bridge/bridge_config.h"
#include "harbor_bridge/check.h"
#include "harbor_bridge/setup/setup_command.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/exit_codes.h"
#include "kraken/daemon/command.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"
#include "kraken/daemon/start_error.h"

namespace {

using harbor_bridge::BridgeConfig;

// Says what the configuration means. The exit code.
int Check(const kraken::config::Node& document, const std::string& image) {
  const absl::StatusOr<BridgeConfig> config =
      kraken::daemon::ReadDaemonConfig<BridgeConfig>(document);
  const absl::StatusOr<std::string> text =
      config.ok() ? harbor_bridge::CheckConfig(*config, image) : config.status();
  if (!text.ok()) {
    std::fprintf(stderr, "harbor-bridge: %s\n", std::string(text.status().message()).c_str());
    return config.ok() ? static_cast<int>(kraken::config::kExitFailure)
                       : kraken::daemon::ExitCodeOf(config.status());
  }
  std::fputs(text->c_str(), stdout);
  return kraken::config::kExitOk;
}

}  // namespace

int main(int argc, char** argv) {
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
  info.instead = [&flags](const kraken::config::Node& document) -> std::optional<int> {
    if (!flags.check && flags.route.empty()) return std::nullopt;
    return Check(document, flags.route);
  };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const BridgeConfig config,
                        kraken::daemon::ReadDaemonConfig<BridgeConfig>(document));
    return harbor_bridge::StartBridge(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
