#ifndef KRAKEN_STORAGE_PIECE_LAYOUT_H_
#define KRAKEN_STORAGE_PIECE_LAYOUT_H_

#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/strong_index.h"

namespace kraken::storage {

inline constexpr int64_t kMinPieceLength = 64 << 10;
inline constexpr int64_t kMaxPieceLength = 1 << 30;
// Bounds of the automatic choice (PieceLengthFor).
inline constexpr int64_t kMinAutomaticPieceLength = 256 << 10;
inline constexpr int64_t kMaxAutomaticPieceLength = 8 << 20;
// Used while a backend has not said how large the blob will be.
inline constexpr int64_t kPieceLengthOfUnknownSize = 4 << 20;
// Bounds what a header can make us allocate: 128 TiB of 8 MiB pieces.
inline constexpr int32_t kMaxPieceCount = 1 << 24;

// A power of two between kMinPieceLength and kMaxPieceLength.
bool IsValidPieceLength(int64_t length);

// How a blob of a known size is cut into pieces. A value type.
// Every piece but the last has `piece_length` bytes; an empty blob has one empty piece, so that
// every blob has a last piece, and checking it checks the digest.
class PieceLayout {
 public:
  // INVALID_ARGUMENT when the piece length is not valid or there would be more than
  // kMaxPieceCount pieces.
  static absl::StatusOr<PieceLayout> Create(ByteCount size, ByteCount piece_length);

  ByteCount size() const { return ByteCount(size_); }
  ByteCount piece_length() const { return ByteCount(piece_length_); }
  PieceCount piece_count() const { return PieceCount(piece_count_); }
  PieceIndex last_piece() const { return PieceIndex(piece_count_ - 1); }

  bool Contains(PieceIndex piece) const { return IsValidIndex(piece, PieceCount(piece_count_)); }
  // REQUIRES: Contains(piece).
  ByteOffset OffsetOf(PieceIndex piece) const;
  ByteCount LengthOf(PieceIndex piece) const;
  // REQUIRES: offset < size().
  PieceIndex PieceAt(ByteOffset offset) const;

  friend bool operator==(const PieceLayout& a, const PieceLayout& b) {
    return a.size_ == b.size_ && a.piece_length_ == b.piece_length_;
  }

 private:
  PieceLayout(int64_t size, int64_t piece_length, int32_t piece_count)
      : size_(size), piece_length_(piece_length), piece_count_(piece_count) {}

  int64_t size_;
  int64_t piece_length_;
  int32_t piece_count_;
};

// The power of two nearest to size / 1,500 (on a logarithmic scale), clamped to
// 256 KiB ... 8 MiB.
ByteCount PieceLengthFor(ByteCount size);

// The operator's override, `metainfogen.piece_lengths`: the entry with the largest key that is at
// most the blob's size applies; without one, PieceLengthFor does. Immutable.
class PieceLengthTable {
 public:
  PieceLengthTable() = default;

  // `lengths` maps a blob size to a piece length, both in bytes. INVALID_ARGUMENT names a length
  // that is not a power of two of at least 64 KiB.
  static absl::StatusOr<PieceLengthTable> Create(std::map<int64_t, int64_t> lengths);

  ByteCount LengthFor(ByteCount size) const;

 private:
  std::map<int64_t, int64_t> lengths_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_LAYOUT_H_
