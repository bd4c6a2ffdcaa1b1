#ifndef KRAKEN_PEER_WIRE_WIRE_DIALECT_H_
#define KRAKEN_PEER_WIRE_WIRE_DIALECT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/base/strong_index.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {

namespace proto {
class Message;
}

// How the messages of a connection look on its wire. Lives on the connection's I/O loop.
class WireDialect {
 public:
  virtual ~WireDialect() = default;

  // What a frame says; nullopt if that is of no interest. INVALID_ARGUMENT for what makes no sense,
  // as ParseWireMessage.
  virtual absl::StatusOr<std::optional<WireMessage>> Parse(const proto::Message& message) = 0;
  // Appends the frames that say it: none for what this wire has no words for. A PieceChunk's
  // payload is for the caller to send.
  virtual void Append(const WireMessage& message, std::string* out) = 0;

  // A piece was sent whole. What is known of the peer thereby, as if it had said so.
  virtual std::optional<WireMessage> OnPieceSent(uint32_t channel, PieceIndex piece) = 0;

  // Of one PieceChunk.
  virtual int64_t max_chunk_bytes() const = 0;
  // A Cancel is understood: what it takes back is not sent.
  virtual bool takes_requests_back() const = 0;
  // A silent peer can be asked whether it still lives.
  virtual bool has_ping() const = 0;
};

// Ours: wire_message.h. Has no state; all connections use the same object.
WireDialect& HarborDialect();

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_WIRE_DIALECT_H_
