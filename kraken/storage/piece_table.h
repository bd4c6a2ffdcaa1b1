#ifndef KRAKEN_STORAGE_PIECE_TABLE_H_
#define KRAKEN_STORAGE_PIECE_TABLE_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_map_file.h"
#include "kraken/storage/piece_verifier.h"

namespace kraken::storage {

// What is known of the pieces of a blob that is arriving: states and verified pieces. Pure
// bookkeeping, not thread-safe.
//
// Invariants: a piece is verified only if the states around it are known (the last piece's end is
// the digest); a state once known never changes. Hence, when all are verified, the whole is.
class PieceTable {
 public:
  // REQUIRES: IsValidPieceLength(piece_length).
  PieceTable(const Digest& digest, int64_t piece_length, std::optional<PieceLayout> layout);

  const std::optional<PieceLayout>& layout() const { return layout_; }
  int64_t piece_length() const { return piece_length_; }
  int32_t verified_count() const { return verified_count_; }
  bool all_verified() const {
    return layout_.has_value() && verified_count_ == layout_->piece_count().value();
  }

  // FAILED_PRECONDITION when another size is known, OUT_OF_RANGE when states or pieces beyond it
  // are.
  absl::Status SetSize(ByteCount size);

  // States after `first`, `first + 1`, ... All or none: OUT_OF_RANGE for what is no inner piece,
  // DATA_LOSS for a contradiction. Appends to `changed` those that were new.
  absl::Status SetStates(PieceIndex first, absl::Span<const Sha256State> states,
                         std::vector<PieceIndex>* changed);
  std::optional<Sha256State> StateAfter(PieceIndex piece) const;
  std::optional<Sha256State> StateBefore(PieceIndex piece) const;

  // Whether the states around `piece` are known, so that it can be checked.
  bool CanVerify(PieceIndex piece) const;
  // FAILED_PRECONDITION unless CanVerify(piece).
  absl::StatusOr<PieceVerifier> VerifierFor(PieceIndex piece) const;

  // FAILED_PRECONDITION unless CanVerify(piece). `*changed`: it was not verified before.
  absl::Status MarkVerified(PieceIndex piece, bool* changed);
  bool Has(PieceIndex piece) const;

  // Number of pieces verified from the first on.
  int32_t prefix_pieces() const { return prefix_pieces_; }
  // In bytes, and the end of the verified run that begins at `offset`.
  int64_t PrefixBytes() const;
  int64_t VerifiedEnd(int64_t offset) const;

  // Pieces from the first on beyond which nothing is known.
  int32_t known_count() const { return static_cast<int32_t>(pieces_.size()); }
  PieceMapRecord RecordOf(PieceIndex piece) const;
  // States of all inner pieces. REQUIRES: all_verified().
  std::vector<Sha256State> States() const;

 private:
  struct Piece {
    Sha256State state_after;
    bool state_known = false;
    bool verified = false;
  };

  bool IsLast(PieceIndex piece) const {
    return layout_.has_value() && piece == layout_->last_piece();
  }
  // Whether `piece` may exist.
  bool IsPossible(PieceIndex piece) const;
  bool IsPossibleInner(PieceIndex piece) const { return IsPossible(piece) && !IsLast(piece); }
  Piece& At(PieceIndex piece);
  const Piece* Find(PieceIndex piece) const;
  void ExtendPrefix();

  const Digest digest_;
  const int64_t piece_length_;
  std::optional<PieceLayout> layout_;
  // Grows as needed: a piece that is not in it is unknown.
  std::vector<Piece> pieces_;
  int32_t verified_count_ = 0;
  int32_t prefix_pieces_ = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_TABLE_H_
