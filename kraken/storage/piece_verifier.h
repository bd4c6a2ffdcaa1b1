#ifndef KRAKEN_STORAGE_PIECE_VERIFIER_H_
#define KRAKEN_STORAGE_PIECE_VERIFIER_H_

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {

// Checks the bytes of one piece, fed in order, against the piece list. Not thread-safe.
class PieceVerifier {
 public:
  // For a piece that is not the last: `start` and `end` are the states around it.
  // REQUIRES: layout.Contains(piece) and piece != layout.last_piece().
  static PieceVerifier ForInnerPiece(const PieceLayout& layout, PieceIndex piece,
                                     const Sha256State& start, const Sha256State& end);
  // For the last piece, which is finished with padding and compared with the digest.
  static PieceVerifier ForLastPiece(const PieceLayout& layout, const Sha256State& start,
                                    const Digest& digest);

  // Bytes beyond the piece's end make the piece bad and are not hashed.
  void Update(absl::Span<const uint8_t> bytes);

  ByteCount expected() const { return ByteCount(length_); }
  ByteCount received() const { return ByteCount(received_); }
  bool full() const { return received_ == length_; }

  // True when exactly the piece's bytes were fed. REQUIRES: called at most once.
  bool Finish();

 private:
  PieceVerifier(int64_t offset, int64_t length, const Sha256State& start,
                const std::variant<Sha256State, Digest>& expected);

  Sha256 hash_;
  std::variant<Sha256State, Digest> expected_;
  int64_t length_;
  int64_t received_ = 0;
  bool overflow_ = false;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_VERIFIER_H_
