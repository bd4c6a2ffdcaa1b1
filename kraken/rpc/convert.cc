#include "kraken/rpc/convert.h"

#include <algorithm>
#include <array>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/socket_address.h"

namespace kraken::rpc {
namespace {

constexpr size_t kDigestBytes = 32;
constexpr size_t kStateBytes = 32;

}  // namespace

// FNV-1a, 32 bits, folded to 16.
uint16_t ZoneTable::NumberFor(absl::string_view name) {
  if (name.empty()) return 0;
  uint32_t hash = 0x811c9dc5;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x01000193;
  const uint16_t number = static_cast<uint16_t>(hash ^ (hash >> 16));
  return number == 0 ? 1 : number;
}

uint16_t ZoneTable::NumberOf(absl::string_view name) {
  const uint16_t number = NumberFor(name);
  if (number == 0 || names_.contains(number)) return number;
  if (names_.size() >= kMaxZones) return 0;
  names_.emplace(number, name);
  return number;
}

const std::string& ZoneTable::NameOf(uint16_t number) const {
  static const auto* const kNoName = new std::string;
  const auto it = names_.find(number);
  return it == names_.end() ? *kNoName : it->second;
}

std::string ToBytes(const Digest& digest) {
  const auto& bytes = digest.bytes();
  return std::string(bytes.begin(), bytes.end());
}

absl::StatusOr<Digest> DigestFromBytes(absl::string_view bytes) {
  if (bytes.size() != kDigestBytes) {
    return absl::InvalidArgumentError(absl::StrCat("a digest of ", bytes.size(), " bytes"));
  }
  std::array<uint8_t, kDigestBytes> array;
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return Digest::FromBytes(array);
}

v1::Peer ToProto(const swarm::PeerInfo& peer, const ZoneTable& zones) {
  v1::Peer proto;
  const auto& id = peer.id.bytes();
  proto.set_id(std::string(id.begin(), id.end()));
  proto.set_ip(peer.ip);
  proto.set_port(peer.port);
  proto.set_zone(zones.NameOf(peer.zone));
  proto.set_wire_version(static_cast<uint32_t>(peer.version));
  proto.set_tls(peer.tls);
  proto.set_origin(peer.origin);
  proto.set_complete(peer.complete);
  return proto;
}

absl::StatusOr<swarm::PeerInfo> FromProto(const v1::Peer& peer, ZoneTable& zones) {
  swarm::PeerInfo result;
  if (peer.id().size() != result.id.bytes().size()) {
    return absl::InvalidArgumentError(absl::StrCat("a peer id of ", peer.id().size(), " bytes"));
  }
  std::remove_cvref_t<decltype(result.id.bytes())> id;
  std::copy(peer.id().begin(), peer.id().end(), id.begin());
  result.id = PeerId::FromBytes(id);
  // An address: nobody is to be made to ask DNS for what a peer calls itself.
  if (peer.port() == 0 || peer.port() > std::numeric_limits<uint16_t>::max() ||
      !net::SocketAddress::FromIp(peer.ip(), static_cast<uint16_t>(peer.port())).ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("a peer at \"", absl::CHexEscape(peer.ip()), "\", port ", peer.port()));
  }
  result.ip = peer.ip();
  result.port = static_cast<uint16_t>(peer.port());
  result.zone = zones.NumberOf(peer.zone());
  switch (peer.wire_version()) {
    case 1:
      result.version = swarm::WireVersion::kKrakenV1;
      break;
    case 2:
      result.version = swarm::WireVersion::kHarbor;
      break;
    default:
      return absl::InvalidArgumentError(absl::StrCat("wire version ", peer.wire_version()));
  }
  result.tls = peer.tls();
  result.origin = peer.origin();
  result.complete = peer.complete();
  return result;
}

v1::PieceRange ToProto(const swarm::SignedPieceRange& range) {
  v1::PieceRange proto;
  proto.set_digest(ToBytes(range.digest));
  proto.set_size_bytes(static_cast<uint64_t>(range.size.value()));
  proto.set_piece_length_bytes(static_cast<uint64_t>(range.piece_length.value()));
  proto.set_sequence(range.sequence);
  proto.set_first(static_cast<uint32_t>(range.first.value()));
  std::string* states = proto.mutable_states();
  states->reserve(range.states.size() * kStateBytes);
  for (const Sha256State& state : range.states) {
    const auto bytes = state.ToBytes();
    states->append(bytes.begin(), bytes.end());
  }
  proto.set_signature(range.signature);
  proto.set_certificate_chain(range.certificate_chain);
  return proto;
}

absl::StatusOr<swarm::SignedPieceRange> FromProto(const v1::PieceRange& range) {
  swarm::SignedPieceRange result;
  KH_ASSIGN_OR_RETURN(result.digest, DigestFromBytes(range.digest()));
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (range.size_bytes() > kMax || range.piece_length_bytes() > kMax ||
      range.first() > static_cast<uint32_t>(std::numeric_limits<int32_t>::max()) ||
      range.states().size() % kStateBytes != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a piece range of size ", range.size_bytes(), ", piece length ", range.piece_length_bytes(),
        ", first ", range.first(), " with ", range.states().size(), " bytes of states"));
  }
  result.size = ByteCount(static_cast<int64_t>(range.size_bytes()));
  result.piece_length = ByteCount(static_cast<int64_t>(range.piece_length_bytes()));
  result.sequence = range.sequence();
  result.first = PieceIndex(static_cast<int32_t>(range.first()));
  result.states.reserve(range.states().size() / kStateBytes);
  for (size_t at = 0; at < range.states().size(); at += kStateBytes) {
    std::array<uint8_t, kStateBytes> bytes;
    std::copy_n(range.states().data() + at, kStateBytes, bytes.begin());
    result.states.push_back(Sha256State::FromBytes(bytes));
  }
  result.signature = range.signature();
  result.certificate_chain = range.certificate_chain();
  return result;
}

v1::KrakenMetainfo ToProto(const swarm::KrakenMetainfo& metainfo) {
  v1::KrakenMetainfo proto;
  proto.set_piece_length_bytes(static_cast<uint64_t>(metainfo.piece_length().value()));
  proto.mutable_piece_sums()->Add(metainfo.piece_sums().begin(), metainfo.piece_sums().end());
  return proto;
}

absl::StatusOr<swarm::KrakenMetainfo> FromProto(const v1::KrakenMetainfo& metainfo,
                                                const Digest& digest, uint64_t size_bytes) {
  constexpr uint64_t kMax = std::numeric_limits<int64_t>::max();
  if (size_bytes > kMax || metainfo.piece_length_bytes() > kMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "metainfo of size ", size_bytes, ", piece length ", metainfo.piece_length_bytes()));
  }
  return swarm::KrakenMetainfo::Create(
      digest, ByteCount(static_cast<int64_t>(size_bytes)),
      ByteCount(static_cast<int64_t>(metainfo.piece_length_bytes())),
      std::vector<uint32_t>(metainfo.piece_sums().begin(), metainfo.piece_sums().end()));
}

std::string ToBytes(const InfoHash& info_hash) {
  const auto& bytes = info_hash.bytes();
  return std::string(bytes.begin(), bytes.end());
}

absl::StatusOr<InfoHash> InfoHashFromBytes(absl::string_view bytes) {
  InfoHash::Bytes array;
  if (bytes.size() != array.size()) {
    return absl::InvalidArgumentError(absl::StrCat("an info hash of ", bytes.size(), " bytes"));
  }
  std::copy(bytes.begin(), bytes.end(), array.begin());
  return InfoHash::FromBytes(array);
}

}  // namespace kraken::rpc
