#include "kraken/swarm/kraken_summer.h"

#include <zlib.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken::swarm {

void KrakenSummer::Append(absl::Span<const uint8_t> bytes) {
  const int64_t piece_length = layout_.piece_length().value();
  KH_CHECK(static_cast<int64_t>(bytes.size()) <= layout_.size().value() - offset_);
  while (!bytes.empty()) {
    const int64_t in_piece = offset_ % piece_length;
    if (in_piece == 0) sums_.push_back(0);
    const size_t part = std::min(bytes.size(), static_cast<size_t>(piece_length - in_piece));
    sums_.back() = static_cast<uint32_t>(::crc32_z(sums_.back(), bytes.data(), part));
    offset_ += static_cast<int64_t>(part);
    bytes.remove_prefix(part);
  }
}

absl::StatusOr<KrakenMetainfo> KrakenSummer::Finish() const {
  if (offset_ != layout_.size().value()) {
    return absl::FailedPreconditionError(absl::StrCat("blob ", digest_.ToString(), ": ", offset_,
                                                      " of ", layout_.size().value(),
                                                      " bytes are summed"));
  }
  return KrakenMetainfo::Create(digest_, layout_.size(), layout_.piece_length(), sums_);
}

}  // namespace kraken::swarm
