#include "kraken/storage/piece_layout.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::storage {
namespace {

// `metainfogen` aims at this many pieces: enough to spread, few enough to announce.
constexpr int64_t kWantedPieces = 1500;

static_assert(kMinPieceLength <= kMinAutomaticPieceLength);
static_assert(kMaxAutomaticPieceLength <= kMaxPieceLength);
// Piece states exist only at whole SHA-256 blocks.
static_assert(kMinPieceLength % 64 == 0);

}  // namespace

bool IsValidPieceLength(int64_t length) {
  return length >= kMinPieceLength && length <= kMaxPieceLength && (length & (length - 1)) == 0;
}

absl::StatusOr<PieceLayout> PieceLayout::Create(ByteCount size, ByteCount piece_length) {
  if (size.value() < 0) {
    return absl::InvalidArgumentError(absl::StrCat("blob size ", size.value(), " is negative"));
  }
  if (!IsValidPieceLength(piece_length.value())) {
    return absl::InvalidArgumentError(absl::StrCat("piece length ", piece_length.value(),
                                                   " is no power of two from 64 KiB to 1 GiB"));
  }
  const int64_t whole = size.value() / piece_length.value();
  const int64_t count = std::max<int64_t>(1, whole + (size.value() % piece_length.value() != 0));
  if (count > kMaxPieceCount) {
    return absl::InvalidArgumentError(absl::StrCat("a blob of ", size.value(), " bytes would have ",
                                                   count, " pieces of ", piece_length.value(),
                                                   "; at most ", kMaxPieceCount, " are possible"));
  }
  return PieceLayout(size.value(), piece_length.value(), static_cast<int32_t>(count));
}

ByteOffset PieceLayout::OffsetOf(PieceIndex piece) const {
  KH_CHECK(Contains(piece));
  return ByteOffset(piece.value() * piece_length_);
}

ByteCount PieceLayout::LengthOf(PieceIndex piece) const {
  const int64_t offset = OffsetOf(piece).value();
  return ByteCount(std::min(piece_length_, size_ - offset));
}

PieceIndex PieceLayout::PieceAt(ByteOffset offset) const {
  KH_CHECK(offset.value() >= 0 && offset.value() < size_);
  return PieceIndex(static_cast<int32_t>(offset.value() / piece_length_));
}

ByteCount PieceLengthFor(ByteCount size) {
  const int64_t wanted = size.value() / kWantedPieces;
  int64_t length = kMinAutomaticPieceLength;
  // Nearest on a logarithmic scale: go on while `wanted` is above the geometric mean of `length`
  // and its double, that is wanted² > 2 length².
  while (length<kMaxAutomaticPieceLength&& static_cast<double>(wanted) *
                static_cast<double>(wanted)> 2.0 *
         static_cast<double>(length) * static_cast<double>(length)) {
    length *= 2;
  }
  return ByteCount(length);
}

absl::StatusOr<PieceLengthTable> PieceLengthTable::Create(std::map<int64_t, int64_t> lengths) {
  for (const auto& [size, length] : lengths) {
    if (!IsValidPieceLength(length)) {
      return absl::InvalidArgumentError(
          absl::StrCat("piece length ", length, " for blobs from ", size,
                       " bytes is no power of two from 64 KiB to 1 GiB"));
    }
  }
  PieceLengthTable table;
  table.lengths_ = std::move(lengths);
  return table;
}

ByteCount PieceLengthTable::LengthFor(ByteCount size) const {
  auto after = lengths_.upper_bound(size.value());
  if (after == lengths_.begin()) return PieceLengthFor(size);
  return ByteCount(std::prev(after)->second);
}

}  // namespace kraken::storage
