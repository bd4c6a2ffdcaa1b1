#include "kraken/base/status_macros.h"
#include "kraken/build_index/build_index.h"
#include "kraken/build_index/build_index_config.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/run_daemon.h"

int main(int argc, char** argv) {
  using kraken::build_index::BuildIndexConfig;
  kraken::build_index::BuildIndexFlags flags;
  kraken::daemon::DaemonInfo info;
  info.program = "kraken-build-index";
  info.description = "Knows which digest a tag stands for.";
  info.add_flags = [&flags](kraken::config::FlagSet& set) {
    kraken::build_index::AddFlags(set, &flags);
  };
  info.start = [&flags](const kraken::config::Node& document,
                        const kraken::daemon::DaemonContext& context)
      -> absl::StatusOr<std::unique_ptr<kraken::daemon::Daemon>> {
    KH_ASSIGN_OR_RETURN(const BuildIndexConfig config,
                        kraken::daemon::ReadDaemonConfig<BuildIndexConfig>(document));
    return kraken::build_index::StartBuildIndex(config, flags, context);
  };
  return kraken::daemon::RunDaemon(info, argc, argv);
}
