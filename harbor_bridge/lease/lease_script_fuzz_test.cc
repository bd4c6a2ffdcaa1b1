// Whatever Redis, or somebody in its place, answers to the scripts of the lease.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "harbor_bridge/lease/lease_script.h"
#include "kraken/base/check.h"
#include "kraken/redis/redis_value.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  kraken::redis::RedisParser parser;
  if (!parser.Feed({reinterpret_cast<const char*>(data), size}).ok()) return 0;
  const auto value = parser.Next();
  if (!value.ok()) return 0;
  const auto taken = harbor_bridge::ReadTakeAnswer(*value);
  if (taken.ok() && taken->taken) KH_CHECK(taken->epoch > 0 && taken->holder.empty());
  (void)harbor_bridge::ReadConditionAnswer(*value);
  const auto watermarks = harbor_bridge::ReadWatermarks(*value);
  if (watermarks.ok()) KH_CHECK(watermarks->size() <= value->elements.size() / 2);
  return 0;
}
