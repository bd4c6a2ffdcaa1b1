#include "kraken/storage/space_policy.h"

#include <algorithm>

namespace kraken::storage {

int64_t SpaceCapacity(const SpaceLimits& limits, const SpaceUse& use) {
  const int64_t on_volume =
      use.used_bytes - use.unallocated_bytes + use.available_bytes - limits.min_free_bytes;
  const int64_t capacity =
      limits.quota_bytes > 0 ? std::min(limits.quota_bytes, on_volume) : on_volume;
  return std::max<int64_t>(0, capacity);
}

int64_t SpaceToEvict(const SpaceLimits& limits, const SpaceUse& use, int64_t need) {
  const auto capacity = static_cast<double>(SpaceCapacity(limits, use));
  const int64_t wanted = use.used_bytes + need;
  if (static_cast<double>(wanted) <= limits.high_watermark * capacity) return 0;
  return std::max<int64_t>(0, wanted - static_cast<int64_t>(limits.low_watermark * capacity));
}

bool SpaceFits(const SpaceLimits& limits, const SpaceUse& use, int64_t need) {
  return use.used_bytes + need <= SpaceCapacity(limits, use);
}

}  // namespace kraken::storage
