// What our own peers say to each other, as values. frame.h carries it; docs/formats.md has bytes.
#ifndef KRAKEN_PEER_WIRE_WIRE_MESSAGE_H_
#define KRAKEN_PEER_WIRE_WIRE_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::peer_wire {

namespace proto {
class Message;
}

// In `version` of the first frame; the number grows when a peer must know.
inline constexpr char kWireVersion[] = "kh/1";
// Of a message after the first: a bitfield of swarm::kMaxPieces fits.
inline constexpr size_t kMaxOurMessageBytes = 160 << 10;
static_assert(kMaxOurMessageBytes > size_t{swarm::kMaxPieces} / 8 + 1024);
// Payload goes in chunks, between which other messages pass.
inline constexpr int64_t kMaxChunkBytes = 256 << 10;
// More pieces are told of in several messages.
inline constexpr size_t kMaxHavesPerMessage = 4096;
// Texts for people are cut to this.
inline constexpr size_t kMaxReasonBytes = 256;

struct Hello {
  PeerId peer;
  uint64_t instance = 0;
  uint16_t listen_port = 0;
  uint16_t zone = 0;
  bool origin = false;
  bool tls = false;
};

struct OpenChannel {
  swarm::TorrentKey key;
  ByteCount size;
  swarm::PieceMap have;
  swarm::LoadHint load;
};

struct CloseChannel {
  absl::Status status;
};

struct Have {
  std::vector<PieceIndex> pieces;
  swarm::LoadHint load;
};

// Of a whole piece of so many bytes.
struct Request {
  PieceIndex piece;
  ByteCount length;
};

// `length` bytes follow the message: those of `piece` from `offset` on.
struct PieceChunk {
  PieceIndex piece;
  int64_t offset = 0;
  int64_t length = 0;
};

struct Cancel {
  PieceIndex piece;
};
struct Reject {
  PieceIndex piece;
};
// The rest of a piece will not come.
struct Abort {
  PieceIndex piece;
};

struct Ping {};
struct Pong {};

struct Goodbye {
  enum class Reason : uint8_t {
    kUnknown = 0,
    kIdle = 1,
    kDuplicate = 2,
    kShutdown = 3,
    kLimit = 4,
    kProtocolError = 5,
    kRefused = 6,
  };
  Reason reason = Reason::kUnknown;
  std::string text;
};

struct WireMessage {
  // The channel by its sender's number (from 1, growing); 0 for what is no channel's.
  uint32_t channel = 0;
  // In OpenChannel and CloseChannel: by its receiver's number, if it has one.
  uint32_t peer_channel = 0;
  std::variant<OpenChannel, CloseChannel, Have, Request, PieceChunk, Cancel, Reject, Abort, Ping,
               Pong, Goodbye>
      body;
};

// The first message of a connection. UNIMPLEMENTED if the peer speaks Kraken's v1 (no version), or
// a version that we don't; INVALID_ARGUMENT.
absl::StatusOr<Hello> ParseHello(const proto::Message& message);
void AppendHello(const Hello& hello, std::string* out);

// Every later one. INVALID_ARGUMENT for what does not make sense in itself: lengths, sizes, a
// bitfield that does not fit its blob, an index that is no int32. Allocates in proportion to
// the message. Whether an index is one of the torrent's pieces is for who knows the torrent.
absl::StatusOr<WireMessage> ParseWireMessage(const proto::Message& message);
// Appends the frame; a PieceChunk's payload is for the caller to send.
void AppendWireMessage(const WireMessage& message, std::string* out);

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_WIRE_MESSAGE_H_
