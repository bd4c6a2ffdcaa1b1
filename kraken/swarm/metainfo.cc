#include "kraken/swarm/metainfo.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"

namespace kraken::swarm {

Metainfo::Metainfo(const Digest& digest, const storage::PieceLayout& layout, uint64_t sequence)
    : digest_(digest),
      layout_(layout),
      sequence_(sequence),
      known_(layout.piece_count() - PieceCount(1)),
      states_(static_cast<size_t>(known_.size().value())) {}

absl::StatusOr<Metainfo> Metainfo::Create(const Digest& digest, ByteCount size,
                                          ByteCount piece_length, uint64_t sequence) {
  KH_ASSIGN_OR_RETURN(const storage::PieceLayout layout,
                      storage::PieceLayout::Create(size, piece_length));
  if (layout.piece_count().value() > kMaxPieces) {
    return absl::InvalidArgumentError(absl::StrCat(
        digest.ToString(), ": ", layout.piece_count().value(), " pieces; at most ", kMaxPieces));
  }
  return Metainfo(digest, layout, sequence);
}

absl::Status Metainfo::Merge(const SignedPieceRange& range) {
  if (range.digest != digest_ || range.size != layout_.size() ||
      range.piece_length != layout_.piece_length() || range.sequence != sequence_) {
    return absl::InvalidArgumentError(
        absl::StrCat("piece list of ", range.digest.ToString(), ", ", range.size.value(),
                     " bytes in ", range.piece_length.value(), ", sequence ", range.sequence,
                     ", merged into ", digest_.ToString(), ", ", layout_.size().value(), " in ",
                     layout_.piece_length().value(), ", sequence ", sequence_));
  }
  return Merge(range.first, range.states);
}

absl::Status Metainfo::Merge(PieceIndex first, absl::Span<const Sha256State> states) {
  if (first.value() < 0 || static_cast<size_t>(first.value()) > states_.size() ||
      states.size() > states_.size() - static_cast<size_t>(first.value())) {
    return absl::InvalidArgumentError(absl::StrCat("piece list of ", digest_.ToString(),
                                                   ": states ", first.value(), " + ", states.size(),
                                                   " of ", states_.size()));
  }
  const size_t begin = static_cast<size_t>(first.value());
  for (size_t i = 0; i < states.size(); ++i) {
    const PieceIndex piece(static_cast<int32_t>(begin + i));
    if (known_.Has(piece) && states_[begin + i] != states[i]) {
      return absl::DataLossError(absl::StrCat("piece list of ", digest_.ToString(), ": state ",
                                              piece.value(), " differs from the one known"));
    }
  }
  std::copy(states.begin(), states.end(), absl::MakeSpan(states_).subspan(begin).begin());
  for (size_t i = 0; i < states.size(); ++i) {
    known_.Add(PieceIndex(static_cast<int32_t>(begin + i)));
  }
  return absl::OkStatus();
}

bool Metainfo::IsVerifiable(PieceIndex piece) const {
  const bool start_known = piece.value() == 0 || known_.Has(piece - PieceCount(1));
  return start_known && (piece == layout_.last_piece() || known_.Has(piece));
}

absl::optional<Sha256State> Metainfo::StateBefore(PieceIndex piece) const {
  if (piece.value() == 0) return InitialSha256State();
  return StateAfter(piece - PieceCount(1));
}

absl::optional<Sha256State> Metainfo::StateAfter(PieceIndex piece) const {
  if (piece == layout_.last_piece() || !known_.Has(piece)) return absl::nullopt;
  return states_[static_cast<size_t>(piece.value())];
}

absl::StatusOr<storage::PieceVerifier> Metainfo::VerifierOf(PieceIndex piece) const {
  if (!layout_.Contains(piece)) {
    return absl::InvalidArgumentError(
        absl::StrCat("piece ", piece.value(), " of ", layout_.piece_count().value()));
  }
  if (!IsVerifiable(piece)) {
    return absl::FailedPreconditionError(absl::StrCat("piece ", piece.value(), " of ",
                                                      digest_.ToString(),
                                                      ": its chaining values are not known yet"));
  }
  if (piece == layout_.last_piece()) {
    return storage::PieceVerifier::ForLastPiece(layout_, *StateBefore(piece), digest_);
  }
  return storage::PieceVerifier::ForInnerPiece(layout_, piece, *StateBefore(piece),
                                               *StateAfter(piece));
}

absl::Span<const Sha256State> Metainfo::States(PieceIndex first, PieceCount count) const {
  KH_CHECK(first.value() >= 0 && count.value() >= 0 &&
           (first + count).value() <= known_.size().value());
  for (PieceIndex piece = first; piece < first + count; ++piece) KH_CHECK(known_.Has(piece));
  return absl::MakeConstSpan(states_).subspan(static_cast<size_t>(first.value()),
                                              static_cast<size_t>(count.value()));
}

}  // namespace kraken::swarm
