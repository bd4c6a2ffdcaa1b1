#ifndef KRAKEN_SWARM_PEER_LINK_H_
#define KRAKEN_SWARM_PEER_LINK_H_

#include <algorithm>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::swarm {

class TorrentSession;

// A piece that we asked a peer for.
struct PendingRequest {
  PieceIndex piece;
  Instant sent;
  // When the peer is given up on, moved on by progress.
  Instant deadline;
  // Payload has begun to arrive.
  bool started = false;
};

// What one torrent knows of one peer. A plain record: TorrentSession owns it and keeps it right.
// Begins with what a HAVE needs, then what the choice of a peer needs: a line of the cache each.
struct alignas(64) PeerLink {
  enum class State : uint8_t {
    kDialing,       // Dial sent
    kShakingHands,  // dialled, our handshake sent
    kOpen,
  };

  LinkId id;
  TorrentSession* torrent = nullptr;
  PieceMap have;
  // What it last said of its backlog, and when.
  int64_t backlog_nanos = 0;
  Instant backlog_at;
  // When it last had a new piece, or opened.
  Instant last_news;
  // Super-seeding only: pieces named to it that it has not asked for.
  uint16_t reveals_pending = 0;
  State state = State::kDialing;
  // It is in another zone than we.
  bool is_far = false;
  // We opened it.
  bool dialed = false;
  // `have` was full when the link opened, so that the picker counts it as a seed.
  bool counted_as_seed = false;
  // It is told of every piece; false only for some while super-seeding.
  bool told_all = false;

  // A piece of it did not check.
  bool on_parole = false;
  uint8_t parole_pieces_left = 0;
  uint16_t uploads_queued = 0;
  // How long it takes from first byte to last of a piece; 0 until measured.
  int64_t piece_nanos = 0;
  // The least time from a request to its first byte; 0 until measured.
  int64_t least_start_nanos = 0;
  Instant snubbed_until;
  absl::InlinedVector<PendingRequest, 2> requests;

  PeerInfo peer;
  uint64_t zone_hash = 0;

  bool is_open() const { return state == State::kOpen; }
  bool IsComplete() const { return is_open() && have.IsFull(); }

  PendingRequest* FindRequest(PieceIndex piece) {
    auto it = std::find_if(requests.begin(), requests.end(),
                           [piece](const PendingRequest& r) { return r.piece == piece; });
    return it == requests.end() ? nullptr : &*it;
  }

  // A piece that we asked for is arriving.
  bool IsSending() const {
    return std::any_of(requests.begin(), requests.end(),
                       [](const PendingRequest& request) { return request.started; });
  }

  // Its backlog by now, by what it said.
  int64_t BacklogNanos(Instant now) const {
    return std::max<int64_t>(backlog_nanos - (now - backlog_at), 0);
  }
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_PEER_LINK_H_
