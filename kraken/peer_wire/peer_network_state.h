// What PeerNetwork keeps of each connection, link and peer.
#ifndef KRAKEN_PEER_WIRE_PEER_NETWORK_STATE_H_
#define KRAKEN_PEER_WIRE_PEER_NETWORK_STATE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kraken/base/clock.h"
#include "kraken/base/peer_id.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/peer_connection.h"
#include "kraken/peer_wire/peer_network.h"
#include "kraken/peer_wire/wire_event.h"
#include "kraken/peer_wire/wire_message.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::peer_wire {

// A connection as the control loop knows it.
struct PeerNetwork::Connection {
  enum class State : uint8_t {
    kDialing,   // we dialled; the peer has not introduced itself
    kAccepted,  // it dialled, and has not introduced itself
    kReady,
    kClosing,  // waits for the I/O loop's last word
  };

  ConnectionId id{};
  State state = State::kDialing;
  bool dialed = false;
  // The peer speaks Kraken's version 1: one link, no entry among the peers.
  bool kraken = false;
  // Of a v1 peer that we dial: for whom.
  swarm::LinkId dialed_for;
  std::shared_ptr<PeerConnection> io;
  // Whom we dialled, or who it is.
  PeerId peer;
  swarm::PeerInfo info;
  uint64_t instance = 0;
  std::string remote_ip;

  uint32_t next_channel = 1;
  absl::flat_hash_map<uint32_t, swarm::LinkId> link_of_channel;
  absl::flat_hash_map<uint32_t, swarm::LinkId> link_of_peer_channel;
  MonotonicTime unused_since;
};

struct PeerNetwork::Link {
  enum class State : uint8_t {
    kWaiting,    // for a connection
    kDialed,     // the engine has been, or is about to be, told
    kHandshake,  // ours is sent, the peer's awaited
    kOpen,
  };

  swarm::LinkId id;
  State state = State::kWaiting;
  swarm::TorrentKey key;
  PeerId peer;
  ConnectionId connection{};
  uint32_t channel = 0;
  uint32_t peer_channel = 0;
};

// Connections with one peer.
struct PeerNetwork::Peer {
  PeerId id;
  Connection* ready = nullptr;
  Connection* dialing = nullptr;
  // Links for which neither is there yet.
  std::vector<swarm::LinkId> waiting;
  // Ends the wait for the peer's own connection, after it has refused ours.
  net::TimerId patience = net::TimerId::kNone;
};

// A peer's OpenChannel under consideration.
struct PeerNetwork::IncomingOpen {
  ConnectionId connection{};
  WireMessage message;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_PEER_NETWORK_STATE_H_
