#ifndef KRAKEN_PEER_WIRE_KRAKEN_HANDSHAKE_H_
#define KRAKEN_PEER_WIRE_KRAKEN_HANDSHAKE_H_

#include <string>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"

namespace kraken::peer_wire {

namespace proto {
class Message;
}

// The most pieces whose bitfield fits into a frame of Kraken's, next to all else in it.
inline constexpr PieceCount kMaxKrakenPieces{250'000};

// The first frame of a peer that speaks Kraken's version 1: who it is, and the one torrent that the
// connection is about.
struct KrakenHandshake {
  PeerId peer;
  Digest digest;
  InfoHash info_hash;
  // How many pieces the torrent has, and which of them the sender has: as swarm::PieceMap's wire
  // bytes. Of a length that fits `piece_count`; else not looked at yet.
  PieceCount piece_count;
  std::string bitfield;
  // Where an origin finds the blob if it lacks it; the acceptor's is empty.
  std::string ns;
};

// INVALID_ARGUMENT for what is no handshake of Kraken's. Allocates in proportion to the message.
absl::StatusOr<KrakenHandshake> ParseKrakenHandshake(const proto::Message& message);
// Appends the frame. REQUIRES: at most kMaxKrakenPieces.
void AppendKrakenHandshake(const KrakenHandshake& handshake, std::string* out);

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_KRAKEN_HANDSHAKE_H_
