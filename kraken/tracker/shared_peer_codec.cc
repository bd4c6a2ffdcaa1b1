#include "kraken/tracker/shared_peer_codec.h"

#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/convert.h"

namespace kraken::tracker {
namespace {

absl::Status Check(const StoredPeer& stored) {
  if (!stored.has_peer() || stored.tracker().empty() || stored.expires_ms() < 0) {
    return absl::InvalidArgumentError("a shared peer without peer, tracker or expiry");
  }
  return absl::OkStatus();
}

}  // namespace

std::string SwarmRedisKey(const swarm::TorrentKey& key) {
  return absl::StrCat("kraken-harbor:swarm:", key.ToString());
}

std::string PeerRedisField(absl::string_view peer_id, absl::string_view tracker) {
  return absl::StrCat(peer_id, tracker);
}

std::string TrackerRedisKey(absl::string_view tracker) {
  return absl::StrCat("kraken-harbor:tracker:", tracker);
}

absl::StatusOr<StoredPeer> ParseStoredPeer(absl::string_view bytes) {
  StoredPeer stored;
  if (!stored.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not a shared peer");
  }
  KH_RETURN_IF_ERROR(Check(stored));
  return stored;
}

absl::StatusOr<ParsedNews> ParseSwarmNews(absl::string_view bytes) {
  SwarmNews news;
  if (!news.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("not news of a swarm");
  }
  ParsedNews parsed;
  KH_ASSIGN_OR_RETURN(parsed.key.digest, rpc::DigestFromBytes(news.digest()));
  if (news.piece_length_bytes() == 0 ||
      news.piece_length_bytes() > static_cast<uint64_t>(std::numeric_limits<int32_t>::max())) {
    return absl::InvalidArgumentError(
        absl::StrCat("news of pieces of ", news.piece_length_bytes(), " bytes"));
  }
  parsed.key.piece_length = ByteCount(static_cast<int64_t>(news.piece_length_bytes()));
  KH_RETURN_IF_ERROR(Check(news.stored()));
  parsed.stored = std::move(*news.mutable_stored());
  parsed.gone = news.gone();
  return parsed;
}

}  // namespace kraken::tracker
