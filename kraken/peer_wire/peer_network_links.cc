// The engine's orders, link by link.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "kraken/base/check.h"
#include "kraken/peer_wire/peer_network.h"
#include "kraken/peer_wire/peer_network_state.h"

namespace kraken::peer_wire {

using swarm::LinkId;

PeerNetwork::Link* PeerNetwork::FindLink(LinkId id) {
  auto it = links_.find(id);
  return it == links_.end() ? nullptr : it->second.get();
}

PeerNetwork::Link* PeerNetwork::FindLinkByChannel(Connection& connection, uint32_t channel) {
  auto it = connection.link_of_channel.find(channel);
  return it == connection.link_of_channel.end() ? nullptr : FindLink(it->second);
}

PeerNetwork::Link* PeerNetwork::FindLinkByPeerChannel(Connection& connection,
                                                      uint32_t peer_channel) {
  auto it = connection.link_of_peer_channel.find(peer_channel);
  return it == connection.link_of_peer_channel.end() ? nullptr : FindLink(it->second);
}

PeerNetwork::Link* PeerNetwork::FindOpenLink(LinkId id, Connection** connection) {
  Link* link = FindLink(id);
  if (link == nullptr || link->channel == 0) return nullptr;
  *connection = FindConnection(link->connection);
  return *connection == nullptr ? nullptr : link;
}

void PeerNetwork::EraseLink(LinkId id) {
  auto it = links_.find(id);
  if (it == links_.end()) return;
  const Link& link = *it->second;
  if (Connection* connection = FindConnection(link.connection)) {
    connection->link_of_channel.erase(link.channel);
    connection->link_of_peer_channel.erase(link.peer_channel);
    connection->unused_since = net::EventLoop::MonotonicNow();
  }
  links_.erase(it);
}

void PeerNetwork::LaterLinkClosed(LinkId id, absl::Status status) {
  control_->Defer([alive = alive_, id, status = std::move(status)] {
    if (*alive == nullptr || (*alive)->FindLink(id) == nullptr) return;
    (*alive)->links_.erase(id);
    (*alive)->scheduler_->OnLinkClosed(id, status);
  });
}

void PeerNetwork::Dial(LinkId id, const swarm::TorrentKey& key, const swarm::PeerInfo& info) {
  auto owned = std::make_unique<Link>();
  Link& link = *owned;
  link.id = id;
  link.key = key;
  link.peer = info.id;
  links_[id] = std::move(owned);
  if (info.version == swarm::WireVersion::kKrakenV1) return DialKraken(link, info);
  if (!info.tls && !environment_->security.takes_plaintext()) {
    return LaterLinkClosed(id, absl::PermissionDeniedError("plaintext is not allowed"));
  }
  if (shutting_down_) return LaterLinkClosed(id, absl::CancelledError("shutting down"));
  std::unique_ptr<Peer>& slot = peers_[info.id];
  if (slot == nullptr) {
    slot = std::make_unique<Peer>();
    slot->id = info.id;
  }
  Peer& peer = *slot;
  if (peer.ready != nullptr) {
    link.state = Link::State::kDialed;
    link.connection = peer.ready->id;
    control_->Defer([alive = alive_, id] {
      if (*alive == nullptr) return;
      const Link* dialed = (*alive)->FindLink(id);
      if (dialed != nullptr && dialed->state == Link::State::kDialed) {
        (*alive)->scheduler_->OnDialed(id);
      }
    });
    return;
  }
  const bool on_its_way = peer.dialing != nullptr || peer.patience != net::TimerId::kNone;
  if (!on_its_way && !has_room()) {
    ForgetPeerIfIdle(info.id);
    return LaterLinkClosed(id, absl::ResourceExhaustedError("all connections are taken"));
  }
  peer.waiting.push_back(id);
  if (!on_its_way) StartDial(peer, info);
}

void PeerNetwork::SendHandshake(LinkId id, const swarm::Handshake& handshake) {
  Link* link = FindLink(id);
  if (link == nullptr || link->state != Link::State::kDialed) return;
  link->state = Link::State::kHandshake;
  SendOpen(*link, handshake);
}

void PeerNetwork::Accept(swarm::IncomingId incoming, LinkId id, const swarm::Handshake& handshake) {
  KH_CHECK(incoming_ != nullptr && incoming == swarm::IncomingId{incoming_id_});
  auto owned = std::make_unique<Link>();
  Link& link = *owned;
  link.id = id;
  link.state = Link::State::kOpen;
  link.key = handshake.key;
  link.connection = incoming_->connection;
  link.peer_channel = incoming_->message.channel;
  links_[id] = std::move(owned);
  SendOpen(link, handshake);
}

void PeerNetwork::SendOpen(Link& link, const swarm::Handshake& handshake) {
  auto content = contents_.find(handshake.key);
  Connection* connection = FindConnection(link.connection);
  KH_CHECK(content != contents_.end() && connection != nullptr);
  link.peer = connection->peer;
  link.channel = connection->next_channel++;
  connection->link_of_channel[link.channel] = link.id;
  if (link.peer_channel != 0) connection->link_of_peer_channel[link.peer_channel] = link.id;
  connection->io->Open({.channel = link.channel,
                        .peer_channel = link.peer_channel,
                        .body = OpenChannel{.key = handshake.key,
                                            .size = content->second->layout().size(),
                                            .have = handshake.have,
                                            .load = handshake.load}},
                       content->second);
}

void PeerNetwork::SendHave(absl::Span<const LinkId> links, absl::Span<const PieceIndex> pieces,
                           swarm::LoadHint load) {
  for (LinkId id : links) {
    Connection* connection = nullptr;
    const Link* link = FindOpenLink(id, &connection);
    if (link == nullptr) continue;
    size_t begin = 0;
    do {
      const auto part = pieces.subspan(begin, kMaxHavesPerMessage);
      connection->io->Send({.channel = link->channel,
                            .body = Have{.pieces = {part.begin(), part.end()}, .load = load}});
      begin += part.size();
    } while (begin < pieces.size());
  }
}

void PeerNetwork::SendRequest(LinkId id, PieceIndex piece) {
  Connection* connection = nullptr;
  const Link* link = FindOpenLink(id, &connection);
  if (link != nullptr) connection->io->SendRequest(link->channel, piece);
}

void PeerNetwork::SendCancel(LinkId id, PieceIndex piece) {
  Connection* connection = nullptr;
  const Link* link = FindOpenLink(id, &connection);
  if (link != nullptr) connection->io->Send({.channel = link->channel, .body = Cancel{piece}});
}

void PeerNetwork::SendReject(LinkId id, PieceIndex piece) {
  Connection* connection = nullptr;
  const Link* link = FindOpenLink(id, &connection);
  if (link != nullptr) connection->io->Send({.channel = link->channel, .body = Reject{piece}});
}

void PeerNetwork::StartUpload(LinkId id, PieceIndex piece) {
  Connection* connection = nullptr;
  const Link* link = FindOpenLink(id, &connection);
  if (link == nullptr) return;
  const bool corrupt = ++uploads_ == faults_.corrupt_upload;
  connection->io->StartUpload(link->channel, piece, corrupt);
}

void PeerNetwork::StopUpload(LinkId id, PieceIndex piece) {
  Connection* connection = nullptr;
  const Link* link = FindOpenLink(id, &connection);
  if (link != nullptr) connection->io->StopUpload(link->channel, piece);
}

void PeerNetwork::Close(LinkId id, const absl::Status& reason) {
  Link* link = FindLink(id);
  if (link == nullptr) return;
  Connection* connection = FindConnection(link->connection);
  if (link->state == Link::State::kWaiting) {
    auto it = peers_.find(link->peer);
    if (it != peers_.end()) {
      std::vector<LinkId>& waiting = it->second->waiting;
      waiting.erase(std::remove(waiting.begin(), waiting.end(), id), waiting.end());
    }
  } else if (connection != nullptr && link->channel != 0) {
    connection->io->Close({.channel = link->channel,
                           .peer_channel = link->peer_channel,
                           .body = CloseChannel{reason}});
  }
  EraseLink(id);
  // Its one link.
  if (connection != nullptr && connection->kraken) {
    DropConnection(*connection, Goodbye::Reason::kIdle, std::string(reason.message()));
  }
}

}  // namespace kraken::peer_wire
