#ifndef KRAKEN_STORAGE_PIECE_LIST_H_
#define KRAKEN_STORAGE_PIECE_LIST_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/strong_index.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::storage {

// The piece list of a complete blob: for each piece but the last, SHA-256's chaining value after
// the piece's last byte. The state before piece 0 is SHA-256's initial value; what follows the last
// piece is checked against the digest. An immutable value.
//
// File `pieces`, version 1 (integers are big endian):
//
//   offset  bytes  field
//        0      8  magic "KHPIECES"
//        8      4  version, 1
//       12      4  piece length in bytes: a power of two, 64 KiB ... 1 GiB
//       16      8  blob size in bytes
//       24     32  SHA-256 digest of the blob
//       56      4  N, number of states: number of pieces - 1 (an empty blob has one piece)
//       60      4  S, length of the signature in bytes, at most 64 KiB
//       64   32 N  states: eight 32-bit words each; entry i is the state after piece i
//  64+32 N      S  signature, opaque here: what the origin's metainfo carries
//        …      4  CRC-32 (zlib's) of everything before it
//
// The file has exactly this length.
class PieceList {
 public:
  static constexpr size_t kMaxSignatureBytes = 64 << 10;

  // INVALID_ARGUMENT when `states` has not exactly one entry less than there are pieces, or the
  // signature is too long.
  static absl::StatusOr<PieceList> Create(const Digest& digest, const PieceLayout& layout,
                                          std::vector<Sha256State> states, std::string signature);

  // DATA_LOSS says what is wrong with the bytes. Never allocates more than `bytes` holds.
  static absl::StatusOr<PieceList> Decode(std::string_view bytes);
  std::string Encode() const;

  const Digest& digest() const { return digest_; }
  const PieceLayout& layout() const { return layout_; }
  const std::vector<Sha256State>& states() const { return states_; }
  const std::string& signature() const { return signature_; }

  // The state with which the hash of `piece` starts. REQUIRES: layout().Contains(piece).
  Sha256State StartOf(PieceIndex piece) const;

 private:
  PieceList(const Digest& digest, const PieceLayout& layout, std::vector<Sha256State> states,
            std::string signature)
      : digest_(digest),
        layout_(layout),
        states_(std::move(states)),
        signature_(std::move(signature)) {}

  Digest digest_;
  PieceLayout layout_;
  std::vector<Sha256State> states_;
  std::string signature_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PIECE_LIST_H_
