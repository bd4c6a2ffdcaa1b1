#ifndef KRAKEN_STORAGE_PIECE_WRITER_H_
#define KRAKEN_STORAGE_PIECE_WRITER_H_

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_lease.h"
#include "kraken/storage/piece_verifier.h"

namespace kraken::storage {

// Writes one piece of a PartialBlob in order, hashing on the way. Made by PartialBlob::StartPiece;
// destroying it before Finish gives the piece up (another writer may start). Keeps the partial
// open. Used by one thread at a time.
class PieceWriter {
 public:
  PieceWriter(std::unique_ptr<PieceLease> lease, const PieceVerifier& verifier)
      : lease_(std::move(lease)), verifier_(verifier) {}

  PieceIndex piece() const { return lease_->piece(); }
  ByteCount expected() const { return verifier_.expected(); }
  ByteCount received() const { return verifier_.received(); }

  // Blocking (page cache). OUT_OF_RANGE for more bytes than the piece has, else as PieceLease.
  absl::Status Write(absl::Span<const uint8_t> bytes);

  // OK: the piece is verified (perhaps by another writer meanwhile). DATA_LOSS: the bytes do not
  // check. FAILED_PRECONDITION: bytes are missing. REQUIRES: called at most once.
  absl::Status Finish();

 private:
  std::unique_ptr<PieceLease> lease_;
  PieceVerifier verifier_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_WRITER_H_
