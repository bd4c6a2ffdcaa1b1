#ifndef KRAKEN_SWARM_PEER_INFO_H_
#define KRAKEN_SWARM_PEER_INFO_H_

#include <cstdint>
#include <string>

#include "kraken/base/peer_id.h"

namespace kraken::swarm {

// What the peer speaks; handed out with its address, so that nobody dials TLS to a v1 peer.
enum class WireVersion : uint8_t { kKrakenV1 = 1, kHarbor = 2 };

// A peer as the tracker hands it out.
struct PeerInfo {
  PeerId id;
  std::string ip;
  uint16_t port = 0;
  // Small number for the peer's zone; 0: none given. The tracker maps names to numbers.
  uint16_t zone = 0;
  WireVersion version = WireVersion::kHarbor;
  bool tls = false;
  bool origin = false;
  // Has every piece.
  bool complete = false;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_PEER_INFO_H_
