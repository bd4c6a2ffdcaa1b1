// Whatever Redis, or somebody in its place, answers. The first byte says as what it is read: the
// protocol, a peer of a swarm, news of a swarm.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/rpc/convert.h"
#include "kraken/tracker/redis_value.h"
#include "kraken/tracker/shared_peer_codec.h"

namespace kraken::tracker {
namespace {

std::string Describe(const RedisValue& value) {
  std::string text =
      absl::StrCat(static_cast<int>(value.kind), ":", value.integer, ":", value.text);
  for (const RedisValue& element : value.elements)
    absl::StrAppend(&text, "(", Describe(element), ")");
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

void ReadProtocol(absl::string_view bytes) {
  constexpr size_t kSteps[] = {1, 7};
  const std::vector<std::string> whole = Read(bytes, bytes.size() + 1);
  for (const size_t step : kSteps) KH_CHECK(Read(bytes, step) == whole);
}

void ReadPeer(absl::string_view bytes) {
  const auto stored = ParseStoredPeer(bytes);
  if (!stored.ok()) return;
  rpc::ZoneTable zones;
  (void)rpc::FromProto(stored->peer(), zones);
  KH_CHECK(ParseStoredPeer(stored->SerializeAsString()).ok());
}

void ReadNews(absl::string_view bytes) {
  const auto news = ParseSwarmNews(bytes);
  if (!news.ok()) return;
  KH_CHECK(news->key.piece_length.value() > 0);
  KH_CHECK(!SwarmRedisKey(news->key).empty());
}

}  // namespace
}  // namespace kraken::tracker

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'r':
      kraken::tracker::ReadProtocol(bytes);
      break;
    case 'p':
      kraken::tracker::ReadPeer(bytes);
      break;
    case 'n':
      kraken::tracker::ReadNews(bytes);
      break;
    default:
      break;
  }
  return 0;
}
