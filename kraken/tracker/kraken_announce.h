// The announce of Kraken's version 1, as bytes.
#ifndef KRAKEN_TRACKER_KRAKEN_ANNOUNCE_H_
#define KRAKEN_TRACKER_KRAKEN_ANNOUNCE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::tracker {

struct KrakenAnnounce {
  Digest digest;
  InfoHash info_hash;
  // `version` is 1, and it is no origin: those never announce.
  swarm::PeerInfo peer;
};

// Reads the body
//   {"name":"<64 hex digits>","digest":"sha256:<64 hex digits>","info_hash":[20 numbers],
//    "peer":{"peer_id":[20 numbers],"ip":"10.0.0.1","port":16001,"complete":false,…}}
// whose `digest` may be missing: then `name` says it. Keys in any case, unknown ones are passed
// over. `info_hash`: of the request's path, if it has one; it holds. INVALID_ARGUMENT says what is
// wrong.
absl::StatusOr<KrakenAnnounce> ParseKrakenAnnounce(absl::string_view body,
                                                   const std::optional<InfoHash>& info_hash);

// The answer: whom to connect to, and when to announce again.
// {"peers":[{"peer_id":[…],"ip":"…","port":N,"origin":false,"complete":true},…],"interval":<ns>}
std::string FormatKrakenAnnounceReply(const std::vector<swarm::PeerInfo>& peers,
                                      absl::Duration interval);
// The same for who needs nobody: "peers":null.
std::string FormatKrakenAnnounceReply(absl::Duration interval);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_KRAKEN_ANNOUNCE_H_
