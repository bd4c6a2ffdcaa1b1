#ifndef KRAKEN_STORAGE_SPACE_POLICY_H_
#define KRAKEN_STORAGE_SPACE_POLICY_H_

#include <cstdint>

namespace kraken::storage {

// How much the store may hold, and when it evicts. Pure.
struct SpaceLimits {
  int64_t quota_bytes = 0;  // 0: the volume
  int64_t min_free_bytes = 0;
  double high_watermark = 1;
  double low_watermark = 1;
};

struct SpaceUse {
  int64_t used_bytes = 0;  // complete and partial blobs, reservations included
  // Part of `used_bytes` that the volume still counts as available (reserved by us alone).
  int64_t unallocated_bytes = 0;
  int64_t available_bytes = 0;  // of the volume
};

// What the store could hold in all: the quota, or what it has and the volume still gives.
int64_t SpaceCapacity(const SpaceLimits& limits, const SpaceUse& use);

// Bytes to evict so that `need` more fit as the watermarks want it; 0 when they fit already.
int64_t SpaceToEvict(const SpaceLimits& limits, const SpaceUse& use, int64_t need);

// Whether `need` more bytes fit at all. The high watermark is a wish, the capacity is the limit.
bool SpaceFits(const SpaceLimits& limits, const SpaceUse& use, int64_t need);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_SPACE_POLICY_H_
