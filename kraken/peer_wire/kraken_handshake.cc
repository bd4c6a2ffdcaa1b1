#include "kraken/peer_wire/kraken_handshake.h"

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

constexpr size_t kWordBytes = 8;
constexpr int32_t kWordBits = 64;
// For hashes, ids and the namespace.
constexpr size_t kBytesBesidesBitfield = 1024;
static_assert(kMaxKrakenPieces.value() / 8 + kBytesBesidesBitfield < kMaxMessageBytes);

// A bitfield begins with its number of bits, big endian, and has whole words.
absl::StatusOr<PieceCount> PieceCountOf(absl::string_view bitfield) {
  uint64_t bits = 0;
  for (size_t i = 0; i < kWordBytes && i < bitfield.size(); ++i) {
    bits = bits << 8 | static_cast<uint8_t>(bitfield[i]);
  }
  if (bits == 0 || bits > static_cast<uint64_t>(kMaxKrakenPieces.value()) ||
      bitfield.size() != (1 + (bits + kWordBits - 1) / kWordBits) * kWordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("bitfield of ", bitfield.size(), " bytes that says to be of ", bits, " bits"));
  }
  return PieceCount(static_cast<int32_t>(bits));
}

}  // namespace

absl::StatusOr<KrakenHandshake> ParseKrakenHandshake(const proto::Message& message) {
  if (message.type() != proto::Message::BITFIELD || !message.has_bitfield()) {
    return absl::InvalidArgumentError("the first message is no handshake");
  }
  const proto::BitfieldMessage& in = message.bitfield();
  KrakenHandshake handshake;
  KH_ASSIGN_OR_RETURN(handshake.peer, PeerId::Parse(in.peer_id()));
  KH_ASSIGN_OR_RETURN(handshake.info_hash, InfoHash::Parse(in.info_hash()));
  KH_ASSIGN_OR_RETURN(handshake.digest, Digest::FromHex(in.name()));
  KH_ASSIGN_OR_RETURN(handshake.piece_count, PieceCountOf(in.bitfield_bytes()));
  if (handshake.peer == PeerId()) return absl::InvalidArgumentError("peer id of zeros");
  handshake.bitfield = in.bitfield_bytes();
  handshake.ns = in.namespace_();
  return handshake;
}

void AppendKrakenHandshake(const KrakenHandshake& handshake, std::string* out) {
  KH_CHECK(handshake.bitfield.size() + kBytesBesidesBitfield < kMaxMessageBytes);
  proto::Message message;
  message.set_type(proto::Message::BITFIELD);
  proto::BitfieldMessage& body = *message.mutable_bitfield();
  body.set_info_hash(handshake.info_hash.hex());
  body.set_name(handshake.digest.hex());
  body.set_peer_id(handshake.peer.hex());
  body.set_bitfield_bytes(handshake.bitfield);
  body.set_namespace_(handshake.ns);
  AppendFrame(message, out);
}

}  // namespace kraken::peer_wire
