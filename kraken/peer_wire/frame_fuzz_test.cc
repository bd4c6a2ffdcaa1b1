// Whatever comes from a peer's socket: cut into frames, parsed as ours, in any split.
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {
namespace {

// As a connection does, without acting. What is understood is encoded again and must be understood
// the same way.
class Handler : public FrameReader::Handler {
 public:
  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override {
    trace_ += static_cast<char>(message.type());
    if (first_) {
      first_ = false;
      const auto hello = ParseHello(message);
      if (hello.ok()) {
        std::string again;
        AppendHello(*hello, &again);
      }
      return absl::OkStatus();
    }
    const auto parsed = ParseWireMessage(message);
    if (!parsed.ok()) return parsed.status();
    std::string encoded;
    AppendWireMessage(*parsed, &encoded);
    proto::Message again;
    KH_CHECK(again.ParseFromString(encoded.substr(kFrameHeaderBytes)));
    const auto reparsed = ParseWireMessage(again);
    KH_CHECK(reparsed.ok() && reparsed->body.index() == parsed->body.index());
    if (const auto* chunk = std::get_if<PieceChunk>(&parsed->body)) {
      *payload_bytes = static_cast<uint64_t>(chunk->length);
    }
    return absl::OkStatus();
  }

  absl::Status OnPayload(absl::string_view bytes) override {
    KH_CHECK(!bytes.empty());
    payload_bytes_ += bytes.size();
    return absl::OkStatus();
  }

  std::string trace_;
  size_t payload_bytes_ = 0;

 private:
  bool first_ = true;
};

}  // namespace
}  // namespace kraken::peer_wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::peer_wire::FrameReader;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  kraken::peer_wire::Handler whole;
  FrameReader whole_reader(&whole);
  const absl::Status whole_status = whole_reader.Consume(bytes);

  kraken::peer_wire::Handler split;
  FrameReader split_reader(&split);
  absl::Status split_status;
  for (size_t at = 0, step = 1; at < size && split_status.ok(); at += step, step = step % 7 + 1) {
    split_status = split_reader.Consume(bytes.substr(at, step));
  }
  KH_CHECK(whole_status.ok() == split_status.ok());
  KH_CHECK(whole.trace_ == split.trace_);
  KH_CHECK(whole.payload_bytes_ == split.payload_bytes_);
  return 0;
}
