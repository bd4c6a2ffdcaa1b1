#include "kraken/daemon/blob_store_config.h"

#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/strong_index.h"
#include "kraken/daemon/start_error.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

constexpr double kMaxWeight = 1e6;

}  // namespace

void ReadConfig(config::ObjectReader& r, VolumeConfig* c) {
  r.Required("location", &c->location);
  r.Optional("weight", &c->weight, {.min = 0, .max = kMaxWeight});
  r.Optional("capacity", config::AsByteSize(&c->capacity_bytes));
}

void ReadBlobStoreConfig(config::ObjectReader& r, BlobStoreConfig* c) {
  r.Optional("cache_dir", &c->cache_dir);
  r.Optional("capacity", config::AsByteSize(&c->capacity_bytes));
  r.Optional("volumes", &c->volumes);
  r.Optional("allow_missing_volumes", &c->allow_missing_volumes);
  r.Optional("volumes_are_mount_points", &c->volumes_are_mount_points);
  absl::flat_hash_set<std::string> locations;
  size_t weighted = 0;
  for (const VolumeConfig& volume : c->volumes) {
    if (volume.location.empty() || !locations.insert(volume.location).second) {
      r.Error("volumes",
              absl::StrCat("two volumes are at \"", volume.location, "\", or one is nowhere"));
    }
    if (volume.weight > 0) ++weighted;
  }
  if (weighted != 0 && weighted != c->volumes.size()) {
    r.Error("volumes", "give every volume a weight, or none");
  }
}

storage::VolumeSetOptions VolumeSetOptionsOf(const BlobStoreConfig& config) {
  double weights = 0;
  for (const VolumeConfig& volume : config.volumes) weights += volume.weight;
  storage::VolumeSetOptions options;
  options.allow_missing = config.allow_missing_volumes;
  options.must_be_mount_points = config.volumes_are_mount_points;
  for (const VolumeConfig& volume : config.volumes) {
    storage::VolumeOptions one;
    one.store.root = volume.location;
    one.weight = volume.weight;
    int64_t quota = volume.capacity_bytes;
    if (quota == 0) {
      const double share =
          weights > 0 ? volume.weight / weights : 1 / static_cast<double>(config.volumes.size());
      quota = static_cast<int64_t>(share * static_cast<double>(config.capacity_bytes));
    }
    one.store.quota = ByteCount(quota);
    options.volumes.push_back(std::move(one));
  }
  return options;
}

absl::StatusOr<std::unique_ptr<storage::BlobStore>> OpenBlobStore(const BlobStoreConfig& config,
                                                                  WorkerPool& disk) {
  if (!config.volumes.empty()) {
    absl::StatusOr<storage::OpenedVolumes> opened =
        storage::OpenVolumes(VolumeSetOptionsOf(config), disk);
    if (!opened.ok()) return WithExitCode(opened.status(), config::kExitDirectoryNotWritable);
    for (const std::string& warning : opened->warnings) {
      telemetry::LogWarn("the store's volumes", {{"warning", warning}});
    }
    return std::move(opened->store);
  }
  storage::BlobStoreOptions options;
  options.root = config.cache_dir;
  options.quota = ByteCount(config.capacity_bytes);
  auto store = storage::BlobStore::Open(options, disk);
  if (!store.ok()) return WithExitCode(store.status(), config::kExitDirectoryNotWritable);
  return store;
}

}  // namespace kraken::daemon
