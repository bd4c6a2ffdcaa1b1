#include "kraken/storage/piece_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {

PieceTable::PieceTable(const Digest& digest, int64_t piece_length,
                       std::optional<PieceLayout> layout)
    : digest_(digest), piece_length_(piece_length), layout_(layout) {
  KH_CHECK(IsValidPieceLength(piece_length));
  KH_CHECK(!layout_.has_value() || layout_->piece_length().value() == piece_length);
}

bool PieceTable::IsPossible(PieceIndex piece) const {
  if (layout_.has_value()) return layout_->Contains(piece);
  return piece.value() >= 0 && piece.value() < kMaxPieceCount;
}

PieceTable::Piece& PieceTable::At(PieceIndex piece) {
  const auto index = static_cast<size_t>(piece.value());
  if (index >= pieces_.size()) pieces_.resize(index + 1);
  return pieces_[index];
}

const PieceTable::Piece* PieceTable::Find(PieceIndex piece) const {
  const auto index = static_cast<size_t>(piece.value());
  return piece.value() >= 0 && index < pieces_.size() ? &pieces_[index] : nullptr;
}

absl::Status PieceTable::SetSize(ByteCount size) {
  if (layout_.has_value()) {
    if (layout_->size() == size) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("blob ", digest_.ToString(), " has ",
                                                      layout_->size().value(), " bytes, not ",
                                                      size.value()));
  }
  KH_ASSIGN_OR_RETURN(const PieceLayout layout,
                      PieceLayout::Create(size, ByteCount(piece_length_)));
  for (size_t i = static_cast<size_t>(layout.last_piece().value()); i < pieces_.size(); ++i) {
    if (!pieces_[i].state_known && !pieces_[i].verified) continue;
    return absl::OutOfRangeError(absl::StrCat("blob ", digest_.ToString(), ": piece ", i,
                                              " is known, which ", size.value(),
                                              " bytes leave no room for"));
  }
  layout_ = layout;
  return absl::OkStatus();
}

absl::Status PieceTable::SetStates(PieceIndex first, absl::Span<const Sha256State> states,
                                   std::vector<PieceIndex>* changed) {
  if (states.empty()) return absl::OkStatus();
  const int64_t last = int64_t{first.value()} + static_cast<int64_t>(states.size()) - 1;
  if (last >= kMaxPieceCount || !IsPossibleInner(first) ||
      !IsPossibleInner(PieceIndex(static_cast<int32_t>(last)))) {
    return absl::OutOfRangeError(absl::StrCat("blob ", digest_.ToString(), " has no states after ",
                                              first.value(), " to ", last));
  }
  for (size_t i = 0; i < states.size(); ++i) {
    const Piece* known = Find(first + PieceCount(static_cast<int32_t>(i)));
    if (known == nullptr || !known->state_known || known->state_after == states[i]) continue;
    return absl::DataLossError(absl::StrCat("blob ", digest_.ToString(), ": another state after ",
                                            first.value() + static_cast<int64_t>(i), " is known"));
  }
  for (size_t i = 0; i < states.size(); ++i) {
    const PieceIndex index = first + PieceCount(static_cast<int32_t>(i));
    Piece& piece = At(index);
    if (piece.state_known) continue;
    piece.state_after = states[i];
    piece.state_known = true;
    changed->push_back(index);
  }
  return absl::OkStatus();
}

std::optional<Sha256State> PieceTable::StateAfter(PieceIndex piece) const {
  const Piece* known = Find(piece);
  if (known == nullptr || !known->state_known) return std::nullopt;
  return known->state_after;
}

std::optional<Sha256State> PieceTable::StateBefore(PieceIndex piece) const {
  if (piece.value() == 0) return InitialSha256State();
  return StateAfter(PieceIndex(piece.value() - 1));
}

bool PieceTable::CanVerify(PieceIndex piece) const {
  return IsPossible(piece) && StateBefore(piece).has_value() &&
         (IsLast(piece) || StateAfter(piece).has_value());
}

absl::StatusOr<PieceVerifier> PieceTable::VerifierFor(PieceIndex piece) const {
  if (!CanVerify(piece)) {
    return absl::FailedPreconditionError(absl::StrCat("blob ", digest_.ToString(),
                                                      ": the states around piece ", piece.value(),
                                                      " are not known"));
  }
  if (IsLast(piece)) return PieceVerifier::ForLastPiece(*layout_, *StateBefore(piece), digest_);
  if (layout_.has_value()) {
    return PieceVerifier::ForInnerPiece(*layout_, piece, *StateBefore(piece), *StateAfter(piece));
  }
  // An inner piece of a blob of unknown size: any layout that goes beyond it will do.
  KH_ASSIGN_OR_RETURN(const PieceLayout layout,
                      PieceLayout::Create(ByteCount((int64_t{piece.value()} + 2) * piece_length_),
                                          ByteCount(piece_length_)));
  return PieceVerifier::ForInnerPiece(layout, piece, *StateBefore(piece), *StateAfter(piece));
}

absl::Status PieceTable::MarkVerified(PieceIndex piece, bool* changed) {
  *changed = false;
  if (!CanVerify(piece)) {
    return absl::FailedPreconditionError(
        absl::StrCat("blob ", digest_.ToString(), ": piece ", piece.value(),
                     " can't be verified, the states around it are not known"));
  }
  Piece& known = At(piece);
  if (known.verified) return absl::OkStatus();
  known.verified = true;
  *changed = true;
  ++verified_count_;
  ExtendPrefix();
  return absl::OkStatus();
}

void PieceTable::ExtendPrefix() {
  while (static_cast<size_t>(prefix_pieces_) < pieces_.size() &&
         pieces_[static_cast<size_t>(prefix_pieces_)].verified) {
    ++prefix_pieces_;
  }
}

bool PieceTable::Has(PieceIndex piece) const {
  const Piece* known = Find(piece);
  return known != nullptr && known->verified;
}

int64_t PieceTable::PrefixBytes() const {
  const int64_t bytes = int64_t{prefix_pieces_} * piece_length_;
  return layout_.has_value() ? std::min(bytes, layout_->size().value()) : bytes;
}

int64_t PieceTable::VerifiedEnd(int64_t offset) const {
  if (offset < 0 || (layout_.has_value() && offset >= layout_->size().value())) return offset;
  int64_t piece = offset / piece_length_;
  if (piece >= static_cast<int64_t>(pieces_.size())) return offset;
  if (piece < prefix_pieces_) piece = prefix_pieces_;
  while (piece < static_cast<int64_t>(pieces_.size()) &&
         pieces_[static_cast<size_t>(piece)].verified) {
    ++piece;
  }
  int64_t end = std::max(offset, piece * piece_length_);
  if (layout_.has_value()) end = std::min(end, layout_->size().value());
  return end;
}

PieceMapRecord PieceTable::RecordOf(PieceIndex piece) const {
  return PieceMapRecord{.state_after = StateAfter(piece), .verified = Has(piece)};
}

std::vector<Sha256State> PieceTable::States() const {
  KH_CHECK(all_verified());
  std::vector<Sha256State> states;
  const auto count = static_cast<size_t>(layout_->last_piece().value());
  states.reserve(count);
  for (size_t i = 0; i < count; ++i) states.push_back(pieces_[i].state_after);
  return states;
}

}  // namespace kraken::storage
