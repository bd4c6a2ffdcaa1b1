#ifndef KRAKEN_SWARM_STATS_H_
#define KRAKEN_SWARM_STATS_H_

#include <cstdint>

#include "kraken/base/strong_index.h"

namespace kraken::swarm {

// Counters of one host, from its start.
struct SwarmStats {
  // Messages out, one per link they went to.
  uint64_t haves_sent = 0;
  uint64_t requests_sent = 0;
  uint64_t cancels_sent = 0;
  uint64_t rejects_sent = 0;
  uint64_t announces_sent = 0;

  uint64_t pieces_received = 0;
  // Verified, but here already.
  uint64_t pieces_redundant = 0;
  uint64_t pieces_corrupt = 0;
  uint64_t pieces_aborted = 0;
  uint64_t uploads_started = 0;
  uint64_t uploads_done = 0;
  uint64_t bytes_received = 0;
  uint64_t bytes_uploaded = 0;

  uint64_t request_timeouts = 0;
  uint64_t links_opened = 0;
  uint64_t dials = 0;
  uint64_t dials_failed = 0;
  uint64_t incoming_refused = 0;
  // Links closed because the peer broke the protocol.
  uint64_t protocol_errors = 0;
  uint64_t peers_banned = 0;
};

// One torrent, now.
struct TorrentStats {
  PieceCount have;
  int links = 0;
  int links_dialed = 0;
  int pending_dials = 0;
  int requests = 0;
  int candidates = 0;
  bool complete = false;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_STATS_H_
