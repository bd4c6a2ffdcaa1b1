#ifndef KRAKEN_STORAGE_BLOB_H_
#define KRAKEN_STORAGE_BLOB_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/piece_list.h"

namespace kraken::storage {

// A complete blob, open for reading. While a reference is held it is never evicted, and its bytes
// stay readable even if the blob is deleted. Thread-safe: use positioned reads only (pread,
// sendfile with an offset), the descriptor's own position is shared.
class Blob {
 public:
  Blob(const Digest& digest, ByteCount size, UniqueFd fd, std::string piece_list_path);

  Blob(const Blob&) = delete;
  Blob& operator=(const Blob&) = delete;

  const Digest& digest() const { return digest_; }
  ByteCount size() const { return size_; }
  // Valid as long as this object; read-only.
  int fd() const { return fd_.get(); }

  // Reads all of `out` at `offset`. OUT_OF_RANGE beyond the end; DATA_LOSS for an I/O error.
  absl::Status ReadAt(ByteOffset offset, absl::Span<uint8_t> out) const;

  // Reads the piece list from disk unless another holder keeps it in memory (a list of 1,500
  // pieces takes 48 KiB, so a Blob does not keep it alive). DATA_LOSS when the file is damaged.
  absl::StatusOr<std::shared_ptr<const PieceList>> piece_list() const;

 private:
  const Digest digest_;
  const ByteCount size_;
  const UniqueFd fd_;
  const std::string piece_list_path_;
  mutable absl::Mutex mu_;
  mutable std::weak_ptr<const PieceList> piece_list_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_BLOB_H_
