// What an I/O loop's connection tells the control loop.
#ifndef KRAKEN_PEER_WIRE_WIRE_EVENT_H_
#define KRAKEN_PEER_WIRE_WIRE_EVENT_H_

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/base/strong_index.h"
#include "kraken/peer_wire/kraken_handshake.h"
#include "kraken/peer_wire/wire_message.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::peer_wire {

// Names one connection of a PeerNetwork; never used twice.
enum class ConnectionId : uint64_t {};

// The peer has introduced itself, and is who it should be.
struct PeerIntroduced {
  Hello hello;
  bool tls = false;
};
// A peer that speaks Kraken's version 1 was reached: its torrent's OpenChannel comes next, from us.
struct KrakenConnected {};
// Such a peer has dialled, and waits for our OpenChannel.
struct KrakenIntroduced {
  KrakenHandshake handshake;
};
// Payload of a piece, on the channel that we call so.
struct PieceProgress {
  uint32_t channel = 0;
  PieceIndex piece;
  ByteCount bytes_so_far;
};
struct PieceReceived {
  uint32_t channel = 0;
  PieceIndex piece;
  swarm::Scheduler::PieceOutcome outcome = swarm::Scheduler::PieceOutcome::kVerified;
  ByteCount bytes;
};
// Why a piece of this channel could not be written; its PieceReceived follows.
struct WriteFailed {
  uint32_t channel = 0;
  absl::Status status;
};
struct UploadDone {
  uint32_t channel = 0;
  PieceIndex piece;
};
// The last event of each connection: its descriptor is closed. OK if we closed it.
struct Disconnected {
  absl::Status status;
  // What the peer said, if it did.
  Goodbye::Reason reason = Goodbye::Reason::kUnknown;
};

using WireEvent = std::variant<PeerIntroduced, KrakenConnected, KrakenIntroduced, WireMessage,
                               PieceProgress, PieceReceived, WriteFailed, UploadDone, Disconnected>;

// Lives on the control loop.
class WireEventSink {
 public:
  virtual ~WireEventSink() = default;
  virtual void OnWireEvents(ConnectionId connection, std::vector<WireEvent> events) = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_WIRE_EVENT_H_
