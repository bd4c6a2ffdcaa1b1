// Links with peers that speak Kraken's version 1: a connection each.
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/net/socket_address.h"
#include "kraken/peer_wire/kraken_dialect.h"
#include "kraken/peer_wire/peer_network.h"
#include "kraken/peer_wire/peer_network_state.h"

namespace kraken::peer_wire {

void PeerNetwork::DialKraken(Link& link, const swarm::PeerInfo& info) {
  const swarm::LinkId id = link.id;
  const auto content = contents_.find(link.key);
  KH_CHECK(content != contents_.end());
  const auto address = net::SocketAddress::FromIp(info.ip, info.port);
  if (!address.ok() || !environment_->security.kraken_v1.Contains(*address)) {
    return LaterLinkClosed(id, absl::PermissionDeniedError(absl::StrCat(
                                   "Kraken's version 1 is not spoken with ", info.ip)));
  }
  if (shutting_down_) return LaterLinkClosed(id, absl::CancelledError("shutting down"));
  const auto info_hash = content->second->info_hash();
  if (!info_hash.has_value()) {
    return LaterLinkClosed(id, absl::UnavailableError("the info hash is not known yet"));
  }
  if (content->second->layout().piece_count() > kMaxKrakenPieces) {
    return LaterLinkClosed(id, absl::FailedPreconditionError("too many pieces for version 1"));
  }
  if (!has_room()) {
    return LaterLinkClosed(id, absl::ResourceExhaustedError("all connections are taken"));
  }
  Connection& connection = DialConnection(info, {.origin = info.origin, .info_hash = info_hash});
  connection.kraken = true;
  connection.dialed_for = id;
  link.connection = connection.id;
}

void PeerNetwork::OnKrakenConnected(Connection& connection) {
  connection.state = Connection::State::kReady;
  connection.unused_since = net::EventLoop::MonotonicNow();
  Link* link = FindLink(connection.dialed_for);
  KH_CHECK(link != nullptr);
  link->state = Link::State::kDialed;
  scheduler_->OnDialed(link->id);
}

void PeerNetwork::OnKrakenIntroduced(Connection& connection, const KrakenIntroduced& event) {
  --pending_incoming_;
  connection.state = Connection::State::kReady;
  connection.kraken = true;
  connection.peer = event.handshake.peer;
  connection.info.id = event.handshake.peer;
  connection.info.ip = connection.remote_ip;
  connection.info.version = swarm::WireVersion::kKrakenV1;
  connection.unused_since = net::EventLoop::MonotonicNow();
  kraken_opener_(event.handshake, [alive = alive_, id = connection.id, handshake = event.handshake](
                                      absl::StatusOr<swarm::TorrentKey> key) {
    if (*alive != nullptr) (*alive)->OnKrakenTorrent(id, handshake, key);
  });
}

// What the peer waits for has been found, or not.
void PeerNetwork::OnKrakenTorrent(ConnectionId id, const KrakenHandshake& handshake,
                                  const absl::StatusOr<swarm::TorrentKey>& key) {
  Connection* connection = FindConnection(id);
  if (connection == nullptr || connection->state != Connection::State::kReady) return;
  const auto refuse = [&](const absl::Status& why) {
    Refuse(*connection, KrakenDialect::kChannel, why);
  };
  if (!key.ok()) return refuse(key.status());
  const auto content = contents_.find(*key);
  if (content == contents_.end()) return refuse(absl::NotFoundError("no such torrent here"));
  // Without an alias of our own the peer's is as good: it is his name for what the digest names.
  const auto info_hash = content->second->info_hash();
  if (info_hash.has_value() && *info_hash != handshake.info_hash) {
    return refuse(absl::FailedPreconditionError(absl::StrCat(
        "the torrent's info hash is ", info_hash->hex(), ", not ", handshake.info_hash.hex())));
  }
  const storage::PieceLayout& layout = content->second->layout();
  auto have = swarm::PieceMap::FromWireBytes(handshake.bitfield, layout.piece_count());
  if (!have.ok()) {
    ++environment_->counters.malformed;
    return refuse(have.status());
  }
  OnIncomingOpen(
      *connection,
      {.channel = KrakenDialect::kChannel,
       .body =
           OpenChannel{.key = *key, .size = layout.size(), .have = *std::move(have), .load = {}}},
      /*may_open_torrent=*/false);
}

}  // namespace kraken::peer_wire
