#ifndef KRAKEN_SWARM_PIECE_MAP_H_
#define KRAKEN_SWARM_PIECE_MAP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/prefetch.h"
#include "kraken/base/strong_index.h"

namespace kraken::swarm {

// The most pieces a torrent may have: 256 GiB in pieces of 256 KiB. Bounds what a stranger's
// bitfield can make us allocate.
constexpr int32_t kMaxPieces = 1 << 20;

// A set of pieces of one blob, with its count. Piece i is bit i % 64 (lowest first) of word i / 64.
// Bits past the last piece are always zero. Not thread safe.
class PieceMap {
 public:
  PieceMap() = default;
  // Empty set of a blob of `size` pieces. REQUIRES: 0 <= size <= kMaxPieces.
  explicit PieceMap(PieceCount size);
  static PieceMap Full(PieceCount size);

  PieceMap(const PieceMap& other);
  PieceMap& operator=(const PieceMap& other);
  PieceMap(PieceMap&& other) noexcept;
  PieceMap& operator=(PieceMap&& other) noexcept;

  // Parses Kraken's bitset: the number of bits as 8 bytes big endian, then ceil(n / 64) words, each
  // big endian. INVALID_ARGUMENT unless it is exactly of `size` pieces, with no bit past the last.
  static absl::StatusOr<PieceMap> FromWireBytes(absl::string_view bytes, PieceCount size);
  std::string ToWireBytes() const;

  PieceCount size() const { return PieceCount(size_); }
  PieceCount count() const { return PieceCount(count_); }
  bool IsEmpty() const { return count_ == 0; }
  bool IsFull() const { return count_ == size_; }

  // REQUIRES for all: IsValidIndex(piece, size()).
  bool Has(PieceIndex piece) const {
    return (words_[piece.value() >> 6] >> (piece.value() & 63)) & 1;
  }
  // Fetches what the three around this one read. Any piece will do.
  void Prefetch(PieceIndex piece) const { kraken::Prefetch(words_.get() + (piece.value() >> 6)); }
  // Adds; false if it was there.
  bool Add(PieceIndex piece);
  // Removes; false if it was not there.
  bool Remove(PieceIndex piece);

  void AddAll();
  void Clear();

  // ceil(size / 64) words.
  absl::Span<const uint64_t> words() const { return {words_.get(), WordCount(size_)}; }

  // True if some piece is in both. REQUIRES: same size.
  bool Intersects(const PieceMap& other) const;

  // The first piece at or after `from` that is in the set (or not in it); size() if none.
  PieceIndex FirstAtOrAfter(PieceIndex from) const;
  PieceIndex FirstMissingAtOrAfter(PieceIndex from) const;

  // Calls f(piece) for each piece in the set, in order.
  template <typename F>
  void ForEach(F&& f) const {
    for (PieceIndex piece = FirstAtOrAfter(PieceIndex(0)); piece.value() < size_;
         piece = FirstAtOrAfter(piece + PieceCount(1))) {
      f(piece);
    }
  }

  friend bool operator==(const PieceMap& a, const PieceMap& b);

 private:
  static size_t WordCount(int32_t size) { return (static_cast<size_t>(size) + 63) / 64; }
  uint64_t LastWordMask() const;

  int32_t size_ = 0;
  int32_t count_ = 0;
  std::unique_ptr<uint64_t[]> words_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_PIECE_MAP_H_
