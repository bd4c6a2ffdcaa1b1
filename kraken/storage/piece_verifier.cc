#include "kraken/storage/piece_verifier.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::storage {

PieceVerifier::PieceVerifier(int64_t offset, int64_t length, const Sha256State& start,
                             const std::variant<Sha256State, Digest>& expected)
    : hash_(start, static_cast<uint64_t>(offset)), expected_(expected), length_(length) {}

PieceVerifier PieceVerifier::ForInnerPiece(const PieceLayout& layout, PieceIndex piece,
                                           const Sha256State& start, const Sha256State& end) {
  KH_CHECK(piece < layout.last_piece());
  return PieceVerifier(layout.OffsetOf(piece).value(), layout.LengthOf(piece).value(), start, end);
}

PieceVerifier PieceVerifier::ForLastPiece(const PieceLayout& layout, const Sha256State& start,
                                          const Digest& digest) {
  const PieceIndex piece = layout.last_piece();
  return PieceVerifier(layout.OffsetOf(piece).value(), layout.LengthOf(piece).value(), start,
                       digest);
}

void PieceVerifier::Update(absl::Span<const uint8_t> bytes) {
  if (static_cast<int64_t>(bytes.size()) > length_ - received_) {
    overflow_ = true;
    return;
  }
  hash_.Update(bytes);
  received_ += static_cast<int64_t>(bytes.size());
}

bool PieceVerifier::Finish() {
  if (overflow_ || received_ != length_) return false;
  if (const auto* state = std::get_if<Sha256State>(&expected_)) return hash_.state() == *state;
  return hash_.Finish() == std::get<Digest>(expected_);
}

}  // namespace kraken::storage
