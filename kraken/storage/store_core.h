#ifndef KRAKEN_STORAGE_STORE_CORE_H_
#define KRAKEN_STORAGE_STORE_CORE_H_

#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/unique_fd.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_index.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/boot_id.h"
#include "kraken/storage/digest_lock.h"
#include "kraken/storage/file_system.h"
#include "kraken/storage/open_blobs.h"
#include "kraken/storage/space_policy.h"
#include "kraken/storage/store_paths.h"

namespace kraken::storage {

class PartialBlobImpl;

// What the parts of one store share: its books, its open files, and the few changes of names on
// disk that everything is made of. Thread-safe.
//
// Two kinds of locks: `mu_` for the books, never held over disk I/O that could be slow; and a lock
// per digest, held over changes of names. A digest's lock is taken before `mu_`, and never while
// another digest's is held, unless by TryLock.
class StoreCore : public std::enable_shared_from_this<StoreCore> {
 public:
  StoreCore(BlobStoreOptions options, BootId boot_id, UniqueFd lock_file, WorkerPool& pool);

  const BlobStoreOptions& options() const { return options_; }
  FileSystem& files() const { return files_; }
  const Clock& clock() const { return clock_; }
  const StorePaths& paths() const { return paths_; }
  const BootId& boot_id() const { return boot_id_; }
  WorkerPool& pool() const { return pool_; }
  DigestLocks& digest_locks() { return digest_locks_; }

  // --- Complete blobs.

  absl::StatusOr<std::shared_ptr<const Blob>> Find(const Digest& digest);
  bool Contains(const Digest& digest);
  // Makes durable that the blob is there, or is not: what an earlier process or a failed operation
  // left behind is perhaps only in the page cache. Costs nothing from the second time on for
  // blobs of one shard. REQUIRES: the digest's lock is held.
  absl::Status Settle(const Digest& digest);
  void Touch(const Digest& digest);
  void Demote(const Digest& digest);
  // REQUIRES: the digest's lock is held.
  absl::Status SetKeep(const Digest& digest, bool keep);

  // Makes `directory`, which holds synced `data` and `pieces`, the complete blob: fsync, rename,
  // fsync of both directories. On error `*directory_gone` tells whether it was deleted because its
  // durability is in doubt. REQUIRES: the digest's lock is held, no such blob exists.
  absl::Status Install(const Digest& digest, const std::string& directory,
                       const std::string& parent, bool* directory_gone);
  // Makes the present the time of the last access of this `data` file, before it is synced.
  void StampAccess(int fd) const;
  struct Installation {
    int64_t size = 0;
    int64_t piece_count = 1;
    bool keep = false;
    // Where it came from, which is the digest's partial blob no longer; null: PutSmall.
    const PartialBlobImpl* partial = nullptr;
  };
  // Enters an installed blob into the books, in the place of its reservation, and opens it.
  absl::StatusOr<std::shared_ptr<const Blob>> Installed(const Digest& digest,
                                                        const Installation& what);

  // Takes a blob's directory away and deletes it. REQUIRES: the digest's lock is held.
  absl::Status RemoveBlob(const Digest& digest, bool durable);
  absl::Status RemovePartialDirectory(const Digest& digest, bool durable);

  // Takes a directory away that stands in the place of a blob and is none, since `data` or `pieces`
  // is missing: the rest of a removal that a crash has reordered. Unless somebody is at it.
  void RemoveWreck(const Digest& digest);
  // Takes a partial blob away that is complete as well and that nobody has open.
  void RemoveNeedlessPartial(const Digest& digest);

  // A new name within the trash.
  std::string TrashName();
  // Deletes files and directory; what is gone already is no error.
  absl::Status DeleteTree(const std::string& directory);
  // Deletes what an earlier process left in the trash.
  void EmptyTrash();

  // --- Space.

  // Makes the digest's charge `charge_bytes` if that fits, evicting others if need be; the blob is
  // an open partial from then on. RESOURCE_EXHAUSTED.
  absl::Status Reserve(const Digest& digest, int64_t charge_bytes);
  // The volume reserves nothing for this partial by itself: `bytes` more (or less) are ours to
  // remember.
  void AddUnallocated(int64_t bytes);
  void EvictIfNeeded();

  // --- Partial blobs.

  // The open one, or null.
  std::shared_ptr<PartialBlobImpl> FindPartial(const Digest& digest);
  // As FindPartial, but waits until one that is being destroyed has gone.
  std::shared_ptr<PartialBlobImpl> AwaitPartial(const Digest& digest);
  absl::Status CheckOpenFiles();
  void RegisterPartial(const std::shared_ptr<PartialBlobImpl>& partial);
  // `partial` is no longer the digest's (committed or abandoned, then not `dormant`; or closed).
  // False when it was not before.
  bool UnregisterPartial(const PartialBlobImpl* partial, const Digest& digest, bool dormant);
  // The reservation of a partial that did not come to be.
  void ForgetReservation(const Digest& digest);

  // --- The background count of what is there (store_loader.h).

  // Counts what is found on disk unless it is known already. `removals` is the number of removals
  // before the caller looked: when something was removed since, returns false (look again).
  bool Discovered(const Digest& digest, const BlobIndex::Entry& entry, uint64_t removals);
  uint64_t removals() const;
  void SetLoaded();
  void AwaitLoaded();
  bool closing() const { return closing_; }
  void Close();

  BlobStoreStats stats();

  int64_t NowNanoseconds() const { return absl::ToUnixNanos(clock_.Now()); }

 private:
  struct LivePartial {
    std::weak_ptr<PartialBlobImpl> partial;
    const PartialBlobImpl* raw = nullptr;
  };

  absl::StatusOr<std::shared_ptr<const Blob>> OpenBlob(const Digest& digest);
  void RecordAccess(const std::shared_ptr<const Blob>& blob, BlobIndex::Entry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether the directory of a blob has all that makes it one.
  bool IsWhole(const Digest& digest) const;
  // Makes the directories that hold the blob's, durably.
  absl::Status EnsureShard(const Digest& digest);
  absl::StatusOr<SpaceUse> Use() ABSL_LOCKS_EXCLUDED(mu_);
  SpaceLimits Limits() const;
  absl::Status NoSpace(const Digest& digest, int64_t need, const SpaceUse& use) const;
  // Evicts until `bytes` are freed or nothing is left to evict; nothing at all when that would free
  // less than `at_least`.
  void Evict(int64_t bytes, int64_t at_least);
  // Unless it is pinned, kept or busy.
  void EvictOne(const Digest& digest);
  size_t PartialFiles() const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  const BlobStoreOptions options_;
  FileSystem& files_;
  const Clock& clock_;
  const StorePaths paths_;
  const BootId boot_id_;
  const UniqueFd lock_file_;
  WorkerPool& pool_;
  const std::string trash_stamp_;
  std::atomic<uint64_t> trash_counter_{0};
  std::atomic<bool> closing_{false};
  DigestLocks digest_locks_;
  static constexpr size_t kShardCount = 1 << 16;
  // One eviction at a time, so that two reservations do not both evict for the whole need.
  absl::Mutex evict_mu_;

  mutable absl::Mutex mu_;
  BlobIndex index_ ABSL_GUARDED_BY(mu_);
  OpenBlobs open_ ABSL_GUARDED_BY(mu_);
  // Being evicted: nobody had them open, and nobody is given them any more.
  absl::flat_hash_set<Digest> evicting_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<Digest, LivePartial> partials_ ABSL_GUARDED_BY(mu_);
  int64_t unallocated_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Shards whose own names this process has made durable, and those whose entries are durable too.
  std::bitset<kShardCount> durable_shards_ ABSL_GUARDED_BY(mu_);
  std::bitset<kShardCount> settled_shards_ ABSL_GUARDED_BY(mu_);
  // Counts names taken away, so that a lookup can tell that what it opened has gone since.
  uint64_t removals_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t evicted_blobs_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t evicted_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t committed_blobs_ ABSL_GUARDED_BY(mu_) = 0;
  bool loaded_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_STORE_CORE_H_
