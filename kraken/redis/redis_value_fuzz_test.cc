// Whatever Redis, or somebody in its place, answers: the same values wherever the bytes are cut.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/redis/redis_value.h"

namespace kraken::redis {
namespace {

std::string Describe(const RedisValue& value) {
  std::string text =
      absl::StrCat(static_cast<int>(value.kind), ":", value.integer, ":", value.text);
  for (const RedisValue& element : value.elements) {
    absl::StrAppend(&text, "(", Describe(element), ")");
  }
  return text;
}

// Values until the end, or what is wrong.
std::vector<std::string> Read(absl::string_view bytes, size_t step) {
  std::vector<std::string> values;
  RedisParser parser;
  for (size_t at = 0; at < bytes.size(); at += step) {
    if (!parser.Feed(bytes.substr(at, step)).ok()) return values;
    for (auto value = parser.Next(); !absl::IsNotFound(value.status()); value = parser.Next()) {
      if (!value.ok()) return values;
      values.push_back(Describe(*value));
    }
  }
  return values;
}

}  // namespace
}  // namespace kraken::redis

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  constexpr size_t kSteps[] = {1, 7};
  const std::vector<std::string> whole = kraken::redis::Read(bytes, bytes.size() + 1);
  for (const size_t step : kSteps) KH_CHECK(kraken::redis::Read(bytes, step) == whole);
  return 0;
}
