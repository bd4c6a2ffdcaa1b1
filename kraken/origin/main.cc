#include "kraken/base/status_macros.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"
#include "kraken/origin/origin.h"
#include "kraken/origin/origin_config.h"
#include "kraken/origin/origin_flags.h"

int main(int argc, char** argv) {
  using kraken::origin::OriginConfig;
  kraken::origin::OriginFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "kraken-origin";
  info.description = "Caches blobs of the backends and seeds them to the swarm.";
  info.add_flags = [&flags](kraken::config::FlagSet& set) {
    kraken::origin::AddFlags(set, &flags);
  };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const OriginConfig config,
                        kraken::daemon::ReadDaemonConfig<OriginConfig>(document));
    return kraken::origin::StartOrigin(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
