// Where a daemon keeps its blobs.
#ifndef KRAKEN_DAEMON_BLOB_STORE_CONFIG_H_
#define KRAKEN_DAEMON_BLOB_STORE_CONFIG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/worker_pool.h"
#include "kraken/config/reader.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/volumes/volume_set.h"

namespace kraken::daemon {

// An entry of `volumes`.
struct VolumeConfig {
  // A directory that exists, on a disk of its own.
  std::string location;
  // The share of blobs that belong there, in proportion; 0: as the volume is large.
  double weight = 0;
  // Bytes that blobs may take there; 0: its share of the section's `capacity`, by weight, else all
  // of the volume.
  int64_t capacity_bytes = 0;
};
void ReadConfig(config::ObjectReader& r, VolumeConfig* c);

// Kraken's keys of section `store` (agent) or `castore` (origin), and a few of our own.
struct BlobStoreConfig {
  // The directory of all blobs; not used when there are volumes.
  std::string cache_dir;
  // Bytes that blobs may take; 0: all of the volume. (Kraken's `capacity` counts files.)
  int64_t capacity_bytes = 0;
  std::vector<VolumeConfig> volumes;
  // Whether to start without volumes that cannot be used, as long as one can.
  bool allow_missing_volumes = true;
  // Each location must be a mount point, so that a disk that is not mounted is missed.
  bool volumes_are_mount_points = false;
};
void ReadBlobStoreConfig(config::ObjectReader& r, BlobStoreConfig* c);

// What the configuration says of volumes, for the store that has some.
storage::VolumeSetOptions VolumeSetOptionsOf(const BlobStoreConfig& config);

// Opens the store; says in the log which volumes are left out. Errors carry the exit code of a
// directory that is not writable.
absl::StatusOr<std::unique_ptr<storage::BlobStore>> OpenBlobStore(const BlobStoreConfig& config,
                                                                  WorkerPool& disk);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_BLOB_STORE_CONFIG_H_
