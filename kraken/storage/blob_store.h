#ifndef KRAKEN_STORAGE_BLOB_STORE_H_
#define KRAKEN_STORAGE_BLOB_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/file_system.h"
#include "kraken/storage/partial_blob.h"

namespace kraken::storage {

struct BlobStoreOptions {
  // The directory that holds everything; created when missing, its parent is not.
  std::string root;
  // Bytes that blobs, complete and partial, may take on the volume; 0: all of the volume.
  ByteCount quota{0};
  // Eviction starts when a reservation would exceed `high_watermark` × quota and goes on until it
  // fits under `low_watermark` × quota. 0 < low <= high <= 1.
  double high_watermark = 0.90;
  double low_watermark = 0.80;
  // Bytes of the volume that always stay free.
  ByteCount min_free{64 << 20};
  // What a blob whose backend sent no length may grow to.
  ByteCount max_unknown_size{int64_t{16} << 30};
  // Descriptors of blobs kept open for the next reader, and the hard limit of blobs open at once
  // (Find and OpenPartial then say RESOURCE_EXHAUSTED).
  int max_idle_files = 256;
  int max_open_files = 8192;
  // A reader's access is written to disk at most this often per blob (for LRU across restarts).
  absl::Duration touch_interval = absl::Minutes(5);
  // Null: the real one. `keep_alive` lives as long as the store and its partial blobs.
  FileSystem* file_system = nullptr;
  std::shared_ptr<FileSystem> keep_alive;
  // Seams for tests.
  const Clock* clock = nullptr;
  std::string boot_id_path = "/proc/sys/kernel/random/boot_id";
};

struct OpenPartialOptions {
  // 0: the automatic choice (PieceLengthFor; kPieceLengthOfUnknownSize while unknown).
  ByteCount piece_length{0};
  // See PartialBlob::SetKeep.
  bool keep = false;
};

struct BlobStoreStats {
  uint64_t blobs = 0;           // complete ones known; final once `loaded`
  uint64_t bytes = 0;           // their size on the volume
  uint64_t partials = 0;        // on disk, open or not
  uint64_t reserved_bytes = 0;  // for partials
  uint64_t quota_bytes = 0;     // in force
  uint64_t evicted_blobs = 0;   // since Open
  uint64_t evicted_bytes = 0;
  uint64_t committed_blobs = 0;  // since Open
  uint64_t open_files = 0;
  uint64_t volumes = 1;            // configured
  uint64_t unhealthy_volumes = 0;  // of them lost at the start, or failing of late
  bool loaded = false;             // the background count of what was there at Open has ended
};

// Content-addressed store of blobs; the one that Open makes is on one volume (volumes/volume_set.h:
// on several). Layout below `root`:
//
//   blobs/ab/cd/<hex>/data      the blob's bytes
//   blobs/ab/cd/<hex>/pieces    PieceList; the folder's presence means: complete and durable
//   blobs/ab/cd/<hex>/keep      present: must not be evicted (not written back yet)
//   partial/<hex>/data, map     a blob that is arriving (PieceMapFile), resumable
//   trash/                      being deleted; emptied at Open
//   lock                        held with flock while a process uses the store
//
// What is there after kill -9 or power loss at any instant is complete and right, or resumable,
// or gone. A partial's claims are believed within the boot that made them; after another boot
// OpenPartial checks its pieces again before it returns.
//
// A lookup goes to the file system, so that Open takes the same time with a million blobs; sizes
// and ages are counted in the background. Thread-safe. Methods marked "blocking" do disk I/O in
// proportion to what they move or delete.
class BlobStore {
 public:
  // Creates what is missing. FAILED_PRECONDITION names the directory that is not writable or is
  // in use by another process. `pool` must outlive the store and every PartialBlob.
  static absl::StatusOr<std::unique_ptr<BlobStore>> Open(BlobStoreOptions options,
                                                         WorkerPool& pool);

  virtual ~BlobStore() = default;

  // The complete blob, pinned while the reference is held; NOT_FOUND; RESOURCE_EXHAUSTED when too
  // many files are open. Counts as an access. Costs nothing when the blob is open already, else
  // a few system calls.
  virtual absl::StatusOr<std::shared_ptr<const Blob>> Find(const Digest& digest) = 0;
  // As Find, without opening or touching. At most two system calls.
  virtual bool Contains(const Digest& digest) = 0;

  // Begins or resumes. `size` nullopt: the backend did not say. While a partial of this digest is
  // open the same object is returned (then FAILED_PRECONDITION if size or piece length
  // contradict). ALREADY_EXISTS when the blob is complete; RESOURCE_EXHAUSTED naming need and have
  // when it does not fit even after evictions. Blocking.
  virtual absl::StatusOr<std::shared_ptr<PartialBlob>> OpenPartial(
      const Digest& digest, std::optional<ByteCount> size, const OpenPartialOptions& options) = 0;
  // The partial that is open in this process, or null. Never blocks on the disk.
  virtual std::shared_ptr<PartialBlob> FindPartial(const Digest& digest) = 0;

  // Stores a whole small blob (a manifest), as durable as a commit. OK when it is there already.
  // INVALID_ARGUMENT when the bytes do not have this digest or are more than kMaxSmallBytes.
  // Blocking.
  virtual absl::Status PutSmall(const Digest& digest, absl::Span<const uint8_t> bytes) = 0;
  // Reads a whole small blob. RESOURCE_EXHAUSTED when it is larger than kMaxSmallBytes.
  virtual absl::StatusOr<std::string> GetSmall(const Digest& digest) = 0;

  // Removes a complete blob and a partial that is not open; readers keep their bytes. NOT_FOUND.
  // FAILED_PRECONDITION when it must be kept (SetKeep), unless `force`. Blocking.
  virtual absl::Status Delete(const Digest& digest, bool force) = 0;

  // Durable. NOT_FOUND. Blocking.
  virtual absl::Status SetKeep(const Digest& digest, bool keep) = 0;
  virtual absl::StatusOr<bool> IsKept(const Digest& digest) = 0;

  // Counts as an access.
  virtual void Touch(const Digest& digest) = 0;
  // The opposite: it goes before all others when space is needed, unless it is read again. No
  // effect if it is not there. Blocking.
  virtual void Demote(const Digest& digest) = 0;

  // Complete blobs in order of digest, after `after` (nullopt: from the first), at most `limit`.
  // Reads directories. Blocking.
  virtual absl::StatusOr<std::vector<Digest>> List(std::optional<Digest> after, int limit) = 0;

  // Whether there is a partial on disk, open or not. One system call.
  virtual bool ContainsPartial(const Digest& digest) = 0;
  // Digests of partials on disk. Blocking.
  virtual absl::StatusOr<std::vector<Digest>> ListPartials() = 0;

  // Evicts least recently used blobs until use is under `low_watermark`, if it is over
  // `high_watermark`. Blocking.
  virtual void EvictIfNeeded() = 0;

  virtual BlobStoreStats stats() = 0;
  // Waits until the background count has ended (tests, drain).
  virtual void WaitUntilLoaded() = 0;
};

inline constexpr size_t kMaxSmallBytes = 32 << 20;

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_BLOB_STORE_H_
