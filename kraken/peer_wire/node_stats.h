#ifndef KRAKEN_PEER_WIRE_NODE_STATS_H_
#define KRAKEN_PEER_WIRE_NODE_STATS_H_

#include <cstdint>

#include "kraken/swarm/stats.h"

namespace kraken::peer_wire {

// Counters from the node's start, and gauges, for metrics. Payload only, headers not counted.
struct SwarmNodeStats {
  // Whatever came, also what did not check.
  uint64_t bytes_from_origins = 0;
  uint64_t bytes_from_agents = 0;
  uint64_t bytes_sent = 0;
  uint64_t pieces_corrupt = 0;
  uint64_t connections_dialed = 0;
  uint64_t connections_accepted = 0;
  // Closed for bytes that are no frames, or frames that break the protocol.
  uint64_t connections_malformed = 0;
  uint64_t blobs_completed = 0;
  uint64_t blobs_failed = 0;

  // Now.
  uint64_t connections = 0;
  uint64_t torrents = 0;
  uint64_t torrents_incomplete = 0;
  uint64_t readers = 0;

  swarm::SwarmStats engine;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_NODE_STATS_H_
