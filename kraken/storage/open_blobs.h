#ifndef KRAKEN_STORAGE_OPEN_BLOBS_H_
#define KRAKEN_STORAGE_OPEN_BLOBS_H_

#include <cstddef>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "kraken/base/digest.h"
#include "kraken/storage/blob.h"

namespace kraken::storage {

// The blobs that are open: those that somebody holds, and the most recently used ones, kept open
// for the next reader. Bounds the number of descriptors. Not thread-safe: the store's lock guards
// it, and because references are only handed out under that lock, a blob that only this holds stays
// so while the lock is held.
class OpenBlobs {
 public:
  // REQUIRES: 0 <= max_idle <= max_open, max_open > 0.
  OpenBlobs(size_t max_idle, size_t max_open) : max_idle_(max_idle), max_open_(max_open) {}

  // The blob if it is open, now the most recently used; else null.
  std::shared_ptr<const Blob> Find(const Digest& digest);

  // Makes room for one more file beside `others` that do not belong to blobs: forgets what nobody
  // holds. False when max_open files are in use.
  bool MakeRoom(size_t others);

  // REQUIRES: not open.
  void Insert(std::shared_ptr<const Blob> blob);

  // Whether somebody outside holds the blob.
  bool IsPinned(const Digest& digest) const;

  // Forgets the blob; holders keep theirs.
  void Forget(const Digest& digest);

  // Entries, an upper bound of the blobs that are open.
  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::weak_ptr<const Blob> blob;
    // In `recent_`, or its end.
    std::list<std::shared_ptr<const Blob>>::iterator recent;
  };

  void DropOldest();

  const size_t max_idle_;
  const size_t max_open_;
  absl::flat_hash_map<Digest, Entry> entries_;
  // Most recently used first, at most max_idle_.
  std::list<std::shared_ptr<const Blob>> recent_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_OPEN_BLOBS_H_
