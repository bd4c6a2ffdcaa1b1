#include "kraken/base/status_macros.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"
#include "kraken/tracker/tracker.h"
#include "kraken/tracker/tracker_config.h"

int main(int argc, char** argv) {
  using kraken::tracker::TrackerConfig;
  kraken::tracker::TrackerFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "kraken-tracker";
  info.description = "Tells peers about each other, and hands out metainfo.";
  info.add_flags = [&flags](kraken::config::FlagSet& set) {
    kraken::tracker::AddFlags(set, &flags);
  };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const TrackerConfig config,
                        kraken::daemon::ReadDaemonConfig<TrackerConfig>(document));
    return kraken::tracker::StartTracker(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
