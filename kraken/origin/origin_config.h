#ifndef KRAKEN_ORIGIN_ORIGIN_CONFIG_H_
#define KRAKEN_ORIGIN_ORIGIN_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kraken/backend/backend_config.h"
#include "kraken/config/cluster_config.h"
#include "kraken/daemon/blob_store_config.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/daemon/scheduler_config.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::origin {

// Section `castore`.
struct CaStoreConfig : daemon::BlobStoreConfig {
  CaStoreConfig() { cache_dir = "/var/cache/kraken/kraken-origin/cache/"; }
};
void ReadConfig(config::ObjectReader& r, CaStoreConfig* c);

// Section `blobrefresh`.
struct BlobRefreshConfig {
  // Blobs that are fetched from backends at a time; more wait.
  int max_fetches = 16;
};
void ReadConfig(config::ObjectReader& r, BlobRefreshConfig* c);

// An origin's whole configuration, under Kraken's keys.
struct OriginConfig {
  daemon::CommonConfig common;
  CaStoreConfig castore;
  config::HostListConfig cluster;
  config::HashRingConfig hashring;
  config::HealthFilterConfig healthcheck;
  absl::Duration healthcheck_interval = absl::Seconds(2);
  BlobRefreshConfig blobrefresh;
  daemon::SchedulerConfig scheduler;
  storage::PieceLengthTable piece_lengths;
  std::vector<backend::BackendEntryConfig> backends;
  daemon::CompatConfig compat;
};
void ReadConfig(config::ObjectReader& r, OriginConfig* c);

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_CONFIG_H_
