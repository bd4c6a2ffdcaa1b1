#ifndef KRAKEN_STORAGE_BLOB_INDEX_H_
#define KRAKEN_STORAGE_BLOB_INDEX_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"

namespace kraken::storage {

// What a blob is to the books.
enum class BlobKind : uint8_t {
  kComplete,
  kOpenPartial,     // being written: never evicted
  kDormantPartial,  // resumable, nobody has it open
};

// The store's books: what is on the volume, how large, how old. Pure bookkeeping; not thread-safe.
// 75 to 150 bytes per blob (store_start_benchmark: 137 with a million).
class BlobIndex {
 public:
  struct Entry {
    BlobKind kind = BlobKind::kComplete;
    // Must not be evicted as far as known; the `keep` file decides.
    bool keep = false;
    int64_t charged_bytes = 0;
    int64_t last_access_ns = 0;
    // What the file system knows of last_access_ns.
    int64_t recorded_access_ns = 0;
  };

  // Replaces what is known of `digest`.
  void Put(const Digest& digest, const Entry& entry);
  // Null when unknown. Valid until the next Put or Remove. Change only `keep` and the times.
  Entry* Find(const Digest& digest);
  void Remove(const Digest& digest);
  // REQUIRES: Find(digest) != nullptr.
  void SetKind(const Digest& digest, BlobKind kind);
  void SetCharge(const Digest& digest, int64_t charged_bytes);

  // The least recently used blobs whose charges sum up to at least `bytes` (or all there are),
  // oldest first. Open partials, kept blobs and those that `pinned` accepts are left out. Takes
  // time in proportion to the number of blobs.
  std::vector<Digest> Victims(int64_t bytes, absl::FunctionRef<bool(const Digest&)> pinned) const;

  int64_t complete_bytes() const { return complete_bytes_; }
  int64_t partial_bytes() const { return partial_bytes_; }
  int64_t complete_count() const { return complete_count_; }
  int64_t partial_count() const { return static_cast<int64_t>(entries_.size()) - complete_count_; }

 private:
  void Count(const Entry& entry, int sign);

  absl::flat_hash_map<Digest, Entry> entries_;
  int64_t complete_bytes_ = 0;
  int64_t partial_bytes_ = 0;
  int64_t complete_count_ = 0;
};

// Bytes that a blob takes on the volume: whole blocks of data and piece list, and its directory.
int64_t ChargeOf(int64_t size, int64_t piece_count);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_BLOB_INDEX_H_
