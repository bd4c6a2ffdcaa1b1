#ifndef KRAKEN_STORAGE_STORAGE_TEST_UTIL_H_
#define KRAKEN_STORAGE_STORAGE_TEST_UTIL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_list.h"

namespace kraken::storage {

// A blob made from a seed, with all that is known about it.
struct TestBlob {
  TestBlob(int64_t size, int64_t piece_length, uint64_t seed = 1);

  absl::Span<const uint8_t> Piece(PieceIndex piece) const;
  absl::Span<const uint8_t> Piece(int piece) const { return Piece(PieceIndex(piece)); }
  ByteCount size() const { return layout.size(); }
  PieceList List() const;

  std::vector<uint8_t> bytes;
  PieceLayout layout;
  Digest digest;
  // After each piece but the last.
  std::vector<Sha256State> states;
};

std::string ToString(absl::Span<const uint8_t> bytes);
absl::Span<const uint8_t> ToBytes(std::string_view text);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_STORAGE_TEST_UTIL_H_
