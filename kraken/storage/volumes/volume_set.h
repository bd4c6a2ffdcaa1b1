#ifndef KRAKEN_STORAGE_VOLUMES_VOLUME_SET_H_
#define KRAKEN_STORAGE_VOLUMES_VOLUME_SET_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"

namespace kraken::storage {

struct VolumeOptions {
  // `store.root` exists already: a disk that is not mounted must not become a directory of another.
  BlobStoreOptions store;
  // The share of blobs that belong here, in proportion; 0: its quota, or the size of its file
  // system, in bytes.
  double weight = 0;
};

struct VolumeSetOptions {
  std::vector<VolumeOptions> volumes;
  // Whether to start without volumes that cannot be used, as long as one can.
  bool allow_missing = true;
  // Each root must be a mount point.
  bool must_be_mount_points = false;
  // So long nothing new goes to a volume that failed or was full, if there is another.
  absl::Duration unhealthy_time = absl::Minutes(1);
  // Null: the real one.
  const Clock* clock = nullptr;
};

struct OpenedVolumes {
  std::unique_ptr<BlobStore> store;
  // What was wrong with the volumes that are left out.
  std::vector<std::string> warnings;
};

// A store over several volumes, each with its own file system, quota and watermarks, and each a
// whole store by itself. A blob lives on one of them: where rendezvous hashing says, or on the next
// when that one is full of what can't be evicted, or fails. Lookups begin at the place where the
// blob belongs and go on to the others, so that volumes may come, go and be renamed. A volume that
// is lost costs its blobs and no more; what was on it and is fetched again lives on two volumes
// once it is back, until one of them evicts it.
//
// FAILED_PRECONDITION names the volumes that cannot be used when none can, or one can't and
// `allow_missing` is false. `pool` as in BlobStore::Open.
absl::StatusOr<OpenedVolumes> OpenVolumes(VolumeSetOptions options, WorkerPool& pool);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_VOLUMES_VOLUME_SET_H_
