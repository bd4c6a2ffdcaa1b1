#ifndef KRAKEN_TRACKER_TRACKER_H_
#define KRAKEN_TRACKER_TRACKER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/config/flags.h"
#include "kraken/daemon/run_daemon.h"
#include "kraken/tracker/tracker_config.h"

namespace kraken::tracker {

struct TrackerFlags {
  int port = 15003;
  int grpc_port = 0;
};
void AddFlags(config::FlagSet& set, TrackerFlags* flags);

// Builds and starts a tracker: the hub, and gRPC and HTTP in front. Errors carry exit codes.
absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartTracker(const TrackerConfig& config,
                                                             const TrackerFlags& flags,
                                                             const daemon::DaemonContext& context);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_TRACKER_H_
