// Kraken's framing: a length, a protobuf message of at most so many bytes, and after a
// PIECE_PAYLOAD the payload itself. Knows nothing of what messages mean.
#ifndef KRAKEN_PEER_WIRE_FRAME_H_
#define KRAKEN_PEER_WIRE_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace kraken::peer_wire {

namespace proto {
class Message;
}

// Bytes of the length that precedes each message.
inline constexpr size_t kFrameHeaderBytes = 4;
// Kraken's limit of a message, payload excluded; ours until both sides have introduced themselves.
inline constexpr size_t kMaxMessageBytes = 32 << 10;

// Appends one frame. REQUIRES: the message is shorter than 2^31 bytes.
void AppendFrame(const proto::Message& message, std::string* out);

// Cuts a stream of bytes into frames. Takes pieces of any size, keeps what is incomplete (at most
// one message), and hands payload through without a copy. Not thread-safe.
class FrameReader {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // A message. `*payload_bytes`, 0 at the call, is set to the number of raw bytes that follow it.
    // An error ends the stream.
    virtual absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) = 0;
    // The next bytes of payload, never empty; as many calls as it takes.
    virtual absl::Status OnPayload(absl::string_view bytes) = 0;
  };

  // `handler` outlives it.
  explicit FrameReader(Handler* handler) : handler_(handler) {}

  // Takes all of `bytes`. INVALID_ARGUMENT for a message that is empty, too long or no protobuf;
  // else what the handler says. After an error the reader is of no more use.
  absl::Status Consume(absl::string_view bytes);

  // For messages whose length is read from now on.
  void set_max_message_bytes(size_t bytes) { max_message_bytes_ = bytes; }
  // Nothing of a frame has been read.
  bool at_frame_start() const { return buffer_.empty() && payload_left_ == 0; }

 private:
  absl::Status ConsumePayload(absl::string_view* bytes);
  absl::Status ConsumeFrame(absl::string_view* bytes);
  absl::Status CheckLength(size_t length) const;
  absl::Status Deliver(absl::string_view bytes);

  Handler* const handler_;
  size_t max_message_bytes_ = kMaxMessageBytes;
  // The beginning of a frame that is incomplete.
  std::string buffer_;
  uint64_t payload_left_ = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_FRAME_H_
