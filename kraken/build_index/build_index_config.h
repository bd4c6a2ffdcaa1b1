#ifndef KRAKEN_BUILD_INDEX_BUILD_INDEX_CONFIG_H_
#define KRAKEN_BUILD_INDEX_BUILD_INDEX_CONFIG_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/backend/backend_config.h"
#include "kraken/daemon/common_config.h"

namespace kraken::build_index {

// Section `tagserver`.
struct TagServerConfig {
  // A tag that was confirmed upstream so long ago is asked for again before it is served. Events
  // (through harbor-bridge) make tags right at once; this bounds how wrong one can be without.
  absl::Duration revalidate_after = absl::Seconds(30);
  // While the backend is down, or does not answer within `upstream_timeout`, the known tag is
  // served if it was confirmed no longer ago than this. Zero: never.
  absl::Duration stale_ttl = absl::Hours(24);
  absl::Duration upstream_timeout = absl::Seconds(5);
};
void ReadConfig(config::ObjectReader& r, TagServerConfig* c);

// Section `localdb`: where durable state lives.
struct LocalDbConfig {
  std::string source = "/var/lib/kraken/kraken-build-index/tags.db";
};
void ReadConfig(config::ObjectReader& r, LocalDbConfig* c);

// A build-index's whole configuration, under Kraken's keys.
struct BuildIndexConfig {
  daemon::CommonConfig common;
  TagServerConfig tagserver;
  LocalDbConfig localdb;
  std::vector<backend::BackendEntryConfig> backends;
};
void ReadConfig(config::ObjectReader& r, BuildIndexConfig* c);

}  // namespace kraken::build_index

#endif  // KRAKEN_BUILD_INDEX_BUILD_INDEX_CONFIG_H_
