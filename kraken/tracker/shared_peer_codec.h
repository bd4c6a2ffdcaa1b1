// The bytes that trackers leave for each other in Redis.
#ifndef KRAKEN_TRACKER_SHARED_PEER_CODEC_H_
#define KRAKEN_TRACKER_SHARED_PEER_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/swarm/ids.h"
#include "kraken/tracker/peer_store.pb.h"

namespace kraken::tracker {

// Of the hash with a swarm's peers.
std::string SwarmRedisKey(const swarm::TorrentKey& key);
// Of one peer in it, as one tracker knows it.
std::string PeerRedisField(absl::string_view peer_id, absl::string_view tracker);
// Is there while that tracker lives.
std::string TrackerRedisKey(absl::string_view tracker);
// On which SwarmNews are published.
inline constexpr absl::string_view kNewsRedisChannel = "kraken-harbor:news";

// INVALID_ARGUMENT says what is wrong. The peer itself is checked by rpc::FromProto().
absl::StatusOr<StoredPeer> ParseStoredPeer(absl::string_view bytes);

struct ParsedNews {
  swarm::TorrentKey key;
  StoredPeer stored;
  bool gone = false;
};
absl::StatusOr<ParsedNews> ParseSwarmNews(absl::string_view bytes);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_SHARED_PEER_CODEC_H_
