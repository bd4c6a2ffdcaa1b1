#include "kraken/tracker/kraken_announce.h"

#include <array>
#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/json.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/kraken_json.h"
#include "kraken/net/socket_address.h"

namespace kraken::tracker {
namespace {

// The body is an object that holds one more.
constexpr int kMaxDepth = 4;

absl::StatusOr<Digest> ReadDigest(const nlohmann::json& body) {
  const std::optional<std::string> digest = JsonString(FindJsonIgnoreCase(body, "digest"));
  if (digest.has_value() && !digest->empty()) return Digest::Parse(*digest);
  const std::optional<std::string> name = JsonString(FindJsonIgnoreCase(body, "name"));
  if (!name.has_value()) return absl::InvalidArgumentError("neither digest nor name");
  return Digest::FromHex(*name);
}

absl::StatusOr<swarm::PeerInfo> ReadPeer(const nlohmann::json* json) {
  if (json == nullptr) return absl::InvalidArgumentError("no peer");
  swarm::PeerInfo peer;
  const auto id = daemon::ParseKrakenId(FindJsonIgnoreCase(*json, "peer_id"));
  if (!id.ok()) return Annotate(id.status(), "peer.peer_id");
  peer.id = PeerId::FromBytes(*id);
  if (peer.id == PeerId()) return absl::InvalidArgumentError("peer.peer_id is all zeros");
  const std::optional<std::string> ip = JsonString(FindJsonIgnoreCase(*json, "ip"));
  const std::optional<int64_t> port = JsonInt64(FindJsonIgnoreCase(*json, "port"));
  if (!ip.has_value() || !port.has_value() || *port < 1 ||
      *port > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError("peer.ip and peer.port say where the peer listens");
  }
  peer.port = static_cast<uint16_t>(*port);
  // An address: nobody is to be made to ask DNS for what a peer calls itself.
  const auto address = net::SocketAddress::FromIp(*ip, peer.port);
  if (!address.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("peer.ip is \"", absl::CHexEscape(*ip), "\", which is no address"));
  }
  peer.ip = address->ip();
  peer.version = swarm::WireVersion::kKrakenV1;
  peer.complete = JsonBool(FindJsonIgnoreCase(*json, "complete")).value_or(false);
  return peer;
}

const char* Show(bool value) { return value ? "true" : "false"; }

// `ip` is an address and needs no escapes.
std::string Show(const swarm::PeerInfo& peer) {
  return absl::StrCat("{\"peer_id\":", daemon::ToKrakenJson(peer.id.bytes()), ",\"ip\":\"", peer.ip,
                      "\",\"port\":", peer.port, ",\"origin\":", Show(peer.origin),
                      ",\"complete\":", Show(peer.complete), "}");
}

std::string Reply(absl::string_view peers, absl::Duration interval) {
  return absl::StrCat("{\"peers\":", peers, ",\"interval\":", absl::ToInt64Nanoseconds(interval),
                      "}");
}

}  // namespace

absl::StatusOr<KrakenAnnounce> ParseKrakenAnnounce(absl::string_view body,
                                                   const std::optional<InfoHash>& info_hash) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJson(body, kMaxDepth));
  KrakenAnnounce announce;
  KH_ASSIGN_OR_RETURN(announce.digest, ReadDigest(json));
  if (info_hash.has_value()) {
    announce.info_hash = *info_hash;
  } else {
    const auto bytes = daemon::ParseKrakenId(FindJsonIgnoreCase(json, "info_hash"));
    if (!bytes.ok()) return Annotate(bytes.status(), "info_hash");
    announce.info_hash = InfoHash::FromBytes(*bytes);
  }
  KH_ASSIGN_OR_RETURN(announce.peer, ReadPeer(FindJsonIgnoreCase(json, "peer")));
  return announce;
}

std::string FormatKrakenAnnounceReply(const std::vector<swarm::PeerInfo>& peers,
                                      absl::Duration interval) {
  const std::string list = absl::StrJoin(
      peers, ",", [](std::string* out, const swarm::PeerInfo& peer) { out->append(Show(peer)); });
  return Reply(absl::StrCat("[", list, "]"), interval);
}

std::string FormatKrakenAnnounceReply(absl::Duration interval) { return Reply("null", interval); }

}  // namespace kraken::tracker
