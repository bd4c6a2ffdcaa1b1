#ifndef KRAKEN_STORAGE_PIECE_LEASE_H_
#define KRAKEN_STORAGE_PIECE_LEASE_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/strong_index.h"

namespace kraken::storage {

// The right to write one piece of a PartialBlob, made by PartialBlob::LeasePiece and given back
// when destroyed. The first lease of a piece writes in place; others, meanwhile, write to a scratch
// file, and their bytes are moved into place if theirs check first. So bytes that one writer has
// checked are never overwritten by another's before they are marked. Used by one thread at a time.
class PieceLease {
 public:
  virtual ~PieceLease() = default;

  virtual PieceIndex piece() const = 0;

  // Writes all of `bytes` at `offset` from the piece's start. Blocking (page cache). OUT_OF_RANGE
  // beyond the piece, CANCELLED when the partial was abandoned, RESOURCE_EXHAUSTED when disk or
  // quota is full.
  virtual absl::Status Write(ByteOffset offset, absl::Span<const uint8_t> bytes) = 0;

  // The bytes written, all of the piece's, were found right: makes them the piece's and marks it as
  // PartialBlob::MarkVerified does. OK also when another lease was first.
  virtual absl::Status MarkVerified() = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_LEASE_H_
