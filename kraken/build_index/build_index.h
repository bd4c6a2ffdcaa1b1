#ifndef KRAKEN_BUILD_INDEX_BUILD_INDEX_H_
#define KRAKEN_BUILD_INDEX_BUILD_INDEX_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/build_index/build_index_config.h"
#include "kraken/config/flags.h"
#include "kraken/daemon/run_daemon.h"

namespace kraken::build_index {

struct BuildIndexFlags {
  int port = 15004;
  int grpc_port = 0;
};
void AddFlags(config::FlagSet& set, BuildIndexFlags* flags);

// Builds and starts a build-index: the table of tags, the backends, and gRPC and HTTP in front.
// Errors carry exit codes.
absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartBuildIndex(
    const BuildIndexConfig& config, const BuildIndexFlags& flags,
    const daemon::DaemonContext& context);

}  // namespace kraken::build_index

#endif  // KRAKEN_BUILD_INDEX_BUILD_INDEX_H_
