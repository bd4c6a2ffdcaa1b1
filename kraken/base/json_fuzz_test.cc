// Any bytes: ParseJson answers, what it accepts can be printed, and the depth limit holds.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/base/json.h"

namespace {

constexpr int kMaxDepth = 8;

int Depth(const nlohmann::json& value) {
  if (!value.is_structured()) return 0;
  int deepest = 0;
  for (const nlohmann::json& child : value) deepest = std::max(deepest, Depth(child));
  return 1 + deepest;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto value = kraken::ParseJson(text, kMaxDepth);
  if (!value.ok()) return 0;
  KH_CHECK(Depth(*value) <= kMaxDepth);
  const auto again = kraken::ParseJson(kraken::DumpJson(*value), kMaxDepth);
  KH_CHECK(again.ok());
  kraken::JsonInt64(kraken::FindJsonIgnoreCase(*value, "interval"));
  kraken::JsonString(kraken::FindJson(*value, "digest"));
  return 0;
}
