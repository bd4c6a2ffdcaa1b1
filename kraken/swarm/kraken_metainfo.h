#ifndef KRAKEN_SWARM_KRAKEN_METAINFO_H_
#define KRAKEN_SWARM_KRAKEN_METAINFO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/strong_index.h"

namespace kraken::swarm {

// What Kraken's version 1 knows of a blob: its size, the length of its pieces, and the CRC-32 (IEEE
// 802.3) of each. We make it for v1 processes and believe nothing of it. Immutable.
class KrakenMetainfo {
 public:
  // `piece_sums`: of each piece in order; an empty blob has none. INVALID_ARGUMENT unless the piece
  // length is one of ours (storage::PieceLayout) and there is a sum for each piece.
  static absl::StatusOr<KrakenMetainfo> Create(const Digest& digest, ByteCount size,
                                               ByteCount piece_length,
                                               std::vector<uint32_t> piece_sums);

  const Digest& digest() const { return digest_; }
  ByteCount size() const { return size_; }
  ByteCount piece_length() const { return piece_length_; }
  absl::Span<const uint32_t> piece_sums() const { return piece_sums_; }

  // Names the swarm among v1 peers: SHA-1 of ToBencode().
  const InfoHash& info_hash() const { return info_hash_; }

  // {"Info":{"PieceLength":…,"PieceSums":[…],"Name":"…","Length":…}}, as Kraken's origins and
  // trackers answer, byte for byte.
  std::string ToJson() const;
  // The dictionary that the info hash is of.
  std::string ToBencode() const;

 private:
  KrakenMetainfo(const Digest& digest, ByteCount size, ByteCount piece_length,
                 std::vector<uint32_t> piece_sums);

  Digest digest_;
  ByteCount size_;
  ByteCount piece_length_;
  std::vector<uint32_t> piece_sums_;
  InfoHash info_hash_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_KRAKEN_METAINFO_H_
