// Whatever a peer that speaks Kraken's version 1 sends, before and after the handshakes, to one
// that dialled and to one that accepted: what is understood fits the torrent.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "kraken/base/check.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/peer_id.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/kraken_dialect.h"
#include "kraken/peer_wire/kraken_handshake.h"
#include "kraken/peer_wire/message.pb.h"
#include "kraken/peer_wire/wire_message.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::peer_wire {
namespace {

constexpr int64_t kPieceLength = 64 << 10;

// Checks what a message says, and says it back.
struct Check {
  KrakenDialect& dialect;
  const storage::PieceLayout& layout;

  void Piece(PieceIndex piece) const { KH_CHECK(IsValidIndex(piece, layout.piece_count())); }
  void operator()(const OpenChannel& open) const {
    KH_CHECK(open.have.size() == layout.piece_count());
  }
  void operator()(const Have& have) const {
    KH_CHECK(!have.pieces.empty());
    for (const PieceIndex piece : have.pieces) Piece(piece);
  }
  void operator()(const Request& request) const {
    Piece(request.piece);
    KH_CHECK(request.length == layout.LengthOf(request.piece));
    dialect.OnPieceSent(KrakenDialect::kChannel, request.piece);
  }
  void operator()(const PieceChunk& chunk) const {
    Piece(chunk.piece);
    KH_CHECK(chunk.offset == 0 && chunk.length == layout.LengthOf(chunk.piece).value());
  }
  void operator()(const Cancel& cancel) const { Piece(cancel.piece); }
  void operator()(const Reject& reject) const { Piece(reject.piece); }
  template <typename Other>
  void operator()(const Other&) const {
    KH_CHECK(false);
  }
};

// A connection whose peer's torrent is found to be of as many pieces as it says.
class Handler : public FrameReader::Handler {
 public:
  explicit Handler(bool dialled) : dialled_(dialled) {}

  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override {
    if (dialect_ == nullptr) {
      auto handshake = ParseKrakenHandshake(message);
      if (!handshake.ok()) return handshake.status();
      Open(*handshake);
      if (!dialled_) return absl::OkStatus();
    }
    auto parsed = dialect_->Parse(message);
    if (!parsed.ok()) return parsed.status();
    if (!parsed->has_value()) return absl::OkStatus();
    const WireMessage& said = **parsed;
    KH_CHECK(said.channel == KrakenDialect::kChannel);
    std::visit(Check{*dialect_, *layout_}, said.body);
    if (const auto* chunk = std::get_if<PieceChunk>(&said.body)) {
      *payload_bytes = static_cast<uint64_t>(chunk->length);
    }
    std::string again;
    if (!std::holds_alternative<OpenChannel>(said.body)) dialect_->Append(said, &again);
    return absl::OkStatus();
  }
  absl::Status OnPayload(absl::string_view) override { return absl::OkStatus(); }

 private:
  void Open(const KrakenHandshake& handshake) {
    const PeerId self = PeerId::FromAddress("127.0.0.1", 1);
    const ByteCount size(int64_t{handshake.piece_count.value()} * kPieceLength - 1);
    layout_ = *storage::PieceLayout::Create(size, ByteCount(kPieceLength));
    WireMessage ours{.channel = KrakenDialect::kChannel,
                     .body = OpenChannel{.key = {handshake.digest, ByteCount(kPieceLength)},
                                         .size = size,
                                         .have = swarm::PieceMap(handshake.piece_count)}};
    if (dialled_) {
      dialect_ = std::make_unique<KrakenDialect>(self, handshake.peer, handshake.info_hash);
    } else {
      dialect_ = std::make_unique<KrakenDialect>(self, handshake);
      ours.peer_channel = KrakenDialect::kChannel;
    }
    std::string out;
    dialect_->Append(ours, &out);
  }

  const bool dialled_;
  std::unique_ptr<KrakenDialect> dialect_;
  std::optional<storage::PieceLayout> layout_;
};

}  // namespace
}  // namespace kraken::peer_wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const bool dialled : {false, true}) {
    kraken::peer_wire::Handler handler(dialled);
    kraken::peer_wire::FrameReader reader(&handler);
    const absl::Status status = reader.Consume({reinterpret_cast<const char*>(data), size});
    static_cast<void>(status);
  }
  return 0;
}
