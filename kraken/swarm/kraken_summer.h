#ifndef KRAKEN_SWARM_KRAKEN_SUMMER_H_
#define KRAKEN_SWARM_KRAKEN_SUMMER_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/kraken_metainfo.h"

namespace kraken::swarm {

// Sums a blob's bytes, which come in order from the first, to Kraken's metainfo.
class KrakenSummer {
 public:
  KrakenSummer(const Digest& digest, const storage::PieceLayout& layout)
      : digest_(digest), layout_(layout) {}

  // REQUIRES: in all, no more bytes than the layout's size.
  void Append(absl::Span<const uint8_t> bytes);

  // FAILED_PRECONDITION: bytes are missing.
  absl::StatusOr<KrakenMetainfo> Finish() const;

 private:
  const Digest digest_;
  const storage::PieceLayout layout_;
  // Of all bytes so far; the last one grows until its piece is whole.
  std::vector<uint32_t> sums_;
  int64_t offset_ = 0;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_KRAKEN_SUMMER_H_
