#ifndef HARBOR_BRIDGE_BRIDGE_H_
#define HARBOR_BRIDGE_BRIDGE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "harbor_bridge/bridge_config.h"
#include "kraken/config/flags.h"
#include "kraken/daemon/run_daemon.h"

namespace harbor_bridge {

struct BridgeFlags {
  int port = 10050;
  int grpc_port = 0;
  // Instead of a bridge: what the configuration means, and what it does with the image `route`.
  bool check = false;
  std::string route;
};
void AddFlags(kraken::config::FlagSet& set, BridgeFlags* flags);

// Builds and starts a bridge: journal and job queue, the Harbors, the way to origins and
// build-index, and the intake in front. Errors carry exit codes.
absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> StartBridge(
    const BridgeConfig& config, const BridgeFlags& flags,
    const kraken::daemon::DaemonContext& context);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_BRIDGE_H_
