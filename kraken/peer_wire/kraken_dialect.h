#ifndef KRAKEN_PEER_WIRE_KRAKEN_DIALECT_H_
#define KRAKEN_PEER_WIRE_KRAKEN_DIALECT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"
#include "kraken/peer_wire/kraken_handshake.h"
#include "kraken/peer_wire/wire_dialect.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/piece_map.h"

namespace kraken::peer_wire {

// Kraken's version 1 on one connection, in the words of our own wire: the connection is one
// channel, kChannel in both directions; handshakes are its two OpenChannels; COMPLETE is a Have of
// all that was missing. Version 1 has no words for load, for the end of a channel and for pings.
//
// Knows the torrent from the moment that ours is sent (Append of an OpenChannel), and from then on
// checks each index and length against it: pieces are asked for and sent whole.
class KrakenDialect final : public WireDialect {
 public:
  static constexpr uint32_t kChannel = 1;

  // For a connection that we dialled: our handshake comes first, and the answer must be this
  // peer's.
  KrakenDialect(const PeerId& self, const PeerId& peer, const InfoHash& info_hash);
  // For one that the peer dialled, and begun with this.
  KrakenDialect(const PeerId& self, const KrakenHandshake& theirs);

  // Whether both handshakes are through.
  bool is_open() const { return phase_ == Phase::kOpen; }

  absl::StatusOr<std::optional<WireMessage>> Parse(const proto::Message& message) override;
  void Append(const WireMessage& message, std::string* out) override;
  // Version 1 does not tell who sent a piece that it has it.
  std::optional<WireMessage> OnPieceSent(uint32_t channel, PieceIndex piece) override;
  int64_t max_chunk_bytes() const override { return storage::kMaxPieceLength; }
  bool takes_requests_back() const override { return false; }
  bool has_ping() const override { return false; }

 private:
  enum class Phase : uint8_t {
    kNew,       // our handshake is not sent
    kAwaiting,  // we dialled: the peer's is awaited
    kOpen,
  };
  struct Torrent {
    Digest digest;
    storage::PieceLayout layout;
    // What each side knows the other to have.
    swarm::PieceMap ours;
    swarm::PieceMap theirs;
  };
  struct Writer;

  absl::StatusOr<std::optional<WireMessage>> ParseAnswer(const proto::Message& message);
  absl::StatusOr<std::optional<WireMessage>> ParseOpen(const proto::Message& message);
  absl::StatusOr<PieceIndex> ParsePiece(bool present, int32_t index) const;
  // Of a request or a payload.
  template <typename Part>
  absl::StatusOr<PieceIndex> ParseWholePiece(bool present, const Part& part) const;
  std::optional<WireMessage> AddTheirs(PieceIndex piece);
  std::optional<WireMessage> AddAllTheirs();
  void AppendOpen(const OpenChannel& open, std::string* out);
  void AppendHave(const Have& have, std::string* out);

  const PeerId self_;
  const PeerId peer_;
  const InfoHash info_hash_;
  // The peer's first word, if it dialled.
  std::optional<KrakenHandshake> theirs_;
  Phase phase_ = Phase::kNew;
  std::optional<Torrent> torrent_;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_KRAKEN_DIALECT_H_
