#include "kraken/peer_wire/wire_dialect.h"

#include "kraken/base/status_macros.h"

namespace kraken::peer_wire {
namespace {

class Harbor final : public WireDialect {
 public:
  absl::StatusOr<std::optional<WireMessage>> Parse(const proto::Message& message) override {
    return ParseWireMessage(message);
  }
  void Append(const WireMessage& message, std::string* out) override {
    AppendWireMessage(message, out);
  }
  // The peer says itself what it has.
  std::optional<WireMessage> OnPieceSent(uint32_t, PieceIndex) override { return std::nullopt; }
  int64_t max_chunk_bytes() const override { return kMaxChunkBytes; }
  bool takes_requests_back() const override { return true; }
  bool has_ping() const override { return true; }
};

}  // namespace

WireDialect& HarborDialect() {
  static Harbor dialect;
  return dialect;
}

}  // namespace kraken::peer_wire
