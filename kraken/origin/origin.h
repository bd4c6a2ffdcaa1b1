#ifndef KRAKEN_ORIGIN_ORIGIN_H_
#define KRAKEN_ORIGIN_ORIGIN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/daemon/run_daemon.h"
#include "kraken/origin/origin_config.h"
#include "kraken/origin/origin_flags.h"

namespace kraken::origin {

// Builds and starts an origin: the store, the backends, the swarm node, and gRPC and HTTP in front.
// Errors carry exit codes.
absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartOrigin(const OriginConfig& config,
                                                            const OriginFlags& flags,
                                                            const daemon::DaemonContext& context);

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_H_
