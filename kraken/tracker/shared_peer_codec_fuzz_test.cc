// Whatever another tracker, or somebody in its place, has left in Redis. The first byte says as
// what it is read: a peer of a swarm, or news of a swarm.
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/rpc/convert.h"
#include "kraken/tracker/shared_peer_codec.h"

namespace kraken::tracker {
namespace {

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
