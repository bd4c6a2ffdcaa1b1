#include "kraken/peer_wire/peer_network.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/peer_wire/peer_network_state.h"
#include "kraken/telemetry/log.h"

namespace kraken::peer_wire {

using swarm::LinkId;

namespace {

// What a peer tells before its channel has been answered.
void AddHave(const Have& have, OpenChannel& open) {
  for (PieceIndex piece : have.pieces) {
    if (IsValidIndex(piece, open.have.size())) open.have.Add(piece);
  }
  open.load = have.load;
}

}  // namespace

PeerNetwork::PeerNetwork(net::EventLoop* control, net::LoopPool* io, net::ListenSocket socket,
                         std::shared_ptr<WireEnvironment> environment, WireFaults faults,
                         Opener opener, KrakenOpener kraken_opener, OnWriteFailed on_write_failed)
    : control_(control),
      io_(io),
      environment_(std::move(environment)),
      faults_(faults),
      opener_(std::move(opener)),
      kraken_opener_(std::move(kraken_opener)),
      on_write_failed_(std::move(on_write_failed)),
      socket_(std::move(socket)),
      alive_(std::make_shared<PeerNetwork*>(this)) {
  environment_->sink = this;
}

PeerNetwork::~PeerNetwork() {
  *alive_ = nullptr;
  environment_->sink = nullptr;
  if (sweep_timer_ != net::TimerId::kNone) control_->CancelTimer(sweep_timer_);
  for (auto& [id, peer] : peers_) {
    if (peer->patience != net::TimerId::kNone) control_->CancelTimer(peer->patience);
  }
  for (auto& [id, connection] : connections_) {
    if (connection->state != Connection::State::kClosing) connection->io->Disconnect({});
  }
}

void PeerNetwork::StartAccepting() {
  acceptor_ = std::make_unique<net::Acceptor>(
      control_, *std::move(socket_),
      [this](UniqueFd fd, const net::SocketAddress&) { OnAccept(std::move(fd)); });
  socket_.reset();
}

void PeerNetwork::Shutdown(absl::AnyInvocable<void()> done) {
  shutting_down_ = true;
  shutdown_done_ = std::move(done);
  acceptor_ = nullptr;
  socket_.reset();
  links_.clear();
  waiting_opens_.clear();
  waiting_open_count_ = 0;
  std::vector<Connection*> open;
  for (auto& [id, connection] : connections_) open.push_back(connection.get());
  for (Connection* connection : open) {
    connection->link_of_channel.clear();
    connection->link_of_peer_channel.clear();
    DropConnection(*connection, Goodbye::Reason::kShutdown, "the host shuts down");
  }
  FinishShutdownIfDone();
}

void PeerNetwork::FinishShutdownIfDone() {
  if (!shutting_down_ || !connections_.empty() || shutdown_done_ == nullptr) return;
  control_->Defer(std::move(shutdown_done_));
  shutdown_done_ = nullptr;
}

void PeerNetwork::AddContent(const swarm::TorrentKey& key,
                             std::shared_ptr<TorrentContent> content) {
  contents_[key] = std::move(content);
}

void PeerNetwork::RemoveContent(const swarm::TorrentKey& key) { contents_.erase(key); }

// ---- Connections ----

void PeerNetwork::OnAccept(UniqueFd fd) {
  const bool full = !has_room() || pending_incoming_ >= environment_->limits.max_pending_incoming;
  if (full || shutting_down_) return;  // closes it
  const ConnectionId id{next_connection_++};
  Connection& connection = AddConnection(id);
  connection.state = Connection::State::kAccepted;
  connection.remote_ip = net::SocketAddress::PeerOf(fd.get()).ip();
  ++pending_incoming_;
  ++accepted_count_;
  connection.io = PeerConnection::Accept(environment_, &io_->Next(), id, std::move(fd));
}

PeerNetwork::Connection& PeerNetwork::AddConnection(ConnectionId id) {
  auto connection = std::make_unique<Connection>();
  connection->id = id;
  Connection& result = *connection;
  connections_[id] = std::move(connection);
  ScheduleSweep();
  return result;
}

PeerNetwork::Connection* PeerNetwork::FindConnection(ConnectionId id) {
  auto it = connections_.find(id);
  return it == connections_.end() ? nullptr : it->second.get();
}

bool PeerNetwork::has_room() const {
  return connections_.size() < static_cast<size_t>(environment_->limits.max_connections);
}

PeerNetwork::Connection& PeerNetwork::DialConnection(const swarm::PeerInfo& info,
                                                     PeerConnection::DialTarget target) {
  Connection& connection = AddConnection(ConnectionId{next_connection_++});
  connection.dialed = true;
  connection.peer = info.id;
  connection.info = info;
  connection.remote_ip = info.ip;
  ++dialed_count_;
  target.ip = info.ip;
  target.port = info.port;
  target.expected = info.id;
  connection.io =
      PeerConnection::Dial(environment_, &io_->Next(), connection.id, std::move(target));
  return connection;
}

void PeerNetwork::StartDial(Peer& peer, const swarm::PeerInfo& info) {
  const bool tls = info.tls && environment_->security.client != nullptr;
  peer.dialing = &DialConnection(info, {.tls = tls});
}

void PeerNetwork::OnIntroduced(Connection& connection, const PeerIntroduced& event) {
  const Hello& hello = event.hello;
  if (connection.state == Connection::State::kAccepted) {
    --pending_incoming_;
    if (!Survives(connection, hello)) {
      connection.peer = hello.peer;
      // So that a connection that the peer knows to be dead is found to be.
      auto it = peers_.find(hello.peer);
      if (it->second->ready != nullptr) it->second->ready->io->Send({.body = Ping{}});
      return DropConnection(connection, Goodbye::Reason::kDuplicate, "another one survives");
    }
  }
  connection.peer = hello.peer;
  connection.instance = hello.instance;
  connection.info.id = hello.peer;
  connection.info.ip = connection.remote_ip;
  connection.info.port = hello.listen_port;
  connection.info.zone = hello.zone;
  connection.info.version = swarm::WireVersion::kHarbor;
  connection.info.tls = hello.tls;
  connection.info.origin = hello.origin;
  BecomeReady(connection);
}

// Of simultaneous dials the lower peer id's survives. One that the peer dials although we have one
// with it means that ours is dead, or that the two dials crossed. Of two that the peer dialled the
// later one survives.
bool PeerNetwork::Survives(const Connection& incoming, const Hello& hello) const {
  auto it = peers_.find(hello.peer);
  if (it == peers_.end()) return true;
  const bool ours_survive = environment_->hello.peer < hello.peer;
  const Connection* ready = it->second->ready;
  if (ready != nullptr && ready != &incoming) {
    // They came over different I/O loops, the later one's introduction first.
    if (!ready->dialed && ready->id > incoming.id) return false;
    const bool restarted = ready->instance != hello.instance;
    return restarted || !ready->dialed || !ours_survive;
  }
  return it->second->dialing == nullptr || !ours_survive;
}

void PeerNetwork::BecomeReady(Connection& connection) {
  std::unique_ptr<Peer>& slot = peers_[connection.peer];
  if (slot == nullptr) {
    slot = std::make_unique<Peer>();
    slot->id = connection.peer;
  }
  Peer& peer = *slot;
  Connection* former = peer.ready;
  Connection* crossing = peer.dialing;
  peer.ready = &connection;
  peer.dialing = nullptr;
  connection.state = Connection::State::kReady;
  connection.unused_since = net::EventLoop::MonotonicNow();
  if (!connection.dialed) connection.io->SendHello();
  if (peer.patience != net::TimerId::kNone) control_->CancelTimer(peer.patience);
  peer.patience = net::TimerId::kNone;

  std::vector<LinkId> waiting;
  waiting.swap(peer.waiting);
  for (LinkId id : waiting) {
    Link* link = FindLink(id);
    link->state = Link::State::kDialed;
    link->connection = connection.id;
  }
  if (former != nullptr && former != &connection) {
    DropConnection(*former, Goodbye::Reason::kDuplicate, "replaced by a newer one");
  }
  if (crossing != nullptr && crossing != &connection) {
    DropConnection(*crossing, Goodbye::Reason::kDuplicate, "the peer's own survives");
  }
  for (LinkId id : waiting) {
    const Link* link = FindLink(id);
    if (link != nullptr && link->state == Link::State::kDialed) scheduler_->OnDialed(id);
  }
}

// Its links fail; the last word comes from the I/O loop. The peer's slot no longer knows it.
void PeerNetwork::DropConnection(Connection& connection, Goodbye::Reason reason,
                                 const std::string& text) {
  if (connection.state == Connection::State::kClosing) return;
  if (connection.state == Connection::State::kAccepted && connection.peer == PeerId()) {
    --pending_incoming_;
  }
  connection.state = Connection::State::kClosing;
  auto it = peers_.find(connection.peer);
  if (it != peers_.end()) {
    if (it->second->ready == &connection) it->second->ready = nullptr;
    if (it->second->dialing == &connection) it->second->dialing = nullptr;
  }
  connection.io->Disconnect({reason, text});
  FailLinksOf(connection, absl::UnavailableError(text));
}

void PeerNetwork::FailLinksOf(Connection& connection, const absl::Status& status) {
  std::vector<LinkId> failed;
  for (auto& [id, link] : links_) {
    if (link->connection == connection.id) failed.push_back(id);
  }
  // In the engine's own order of names, so that a run can be repeated.
  std::sort(failed.begin(), failed.end());
  for (LinkId id : failed) links_.erase(id);
  connection.link_of_channel.clear();
  connection.link_of_peer_channel.clear();
  for (LinkId id : failed) scheduler_->OnLinkClosed(id, status);
}

// Somebody who may not be here, or is not set up to be.
void PeerNetwork::LogRefusal(const Connection& connection, const absl::Status& why) {
  const auto held_back = refusal_log_.Admit(net::EventLoop::MonotonicNow());
  if (!held_back.has_value()) return;
  telemetry::LogWarn(
      "peer refused",
      {{"ip", connection.remote_ip}, {"reason", why}, {"refused_since_last_line", *held_back}});
}

void PeerNetwork::OnDisconnected(ConnectionId id, const Disconnected& event) {
  Connection* connection = FindConnection(id);
  const PeerId peer_id = connection->peer;
  if (connection->state == Connection::State::kAccepted) {
    --pending_incoming_;
    if (absl::IsPermissionDenied(event.status)) LogRefusal(*connection, event.status);
  }
  auto it = peers_.find(peer_id);
  Peer* peer = it == peers_.end() ? nullptr : it->second.get();
  const bool was_dialing = peer != nullptr && peer->dialing == connection;
  if (peer != nullptr && peer->ready == connection) peer->ready = nullptr;
  if (was_dialing) peer->dialing = nullptr;
  const absl::Status status =
      event.status.ok() ? absl::UnavailableError("the connection was closed") : event.status;
  FailLinksOf(*connection, status);
  connections_.erase(id);
  if (was_dialing) {
    if (event.reason == Goodbye::Reason::kDuplicate) {
      // The peer's own connection survives: it is on its way.
      peer->patience =
          control_->RunAfter(environment_->limits.handshake_timeout, [this, peer_id, status] {
            peers_[peer_id]->patience = net::TimerId::kNone;
            FailWaiting(peer_id, status);
          });
    } else {
      FailWaiting(peer_id, status);
    }
  }
  ForgetPeerIfIdle(peer_id);
  FinishShutdownIfDone();
}

void PeerNetwork::FailWaiting(const PeerId& peer_id, const absl::Status& status) {
  auto it = peers_.find(peer_id);
  if (it == peers_.end()) return;
  std::vector<LinkId> waiting;
  waiting.swap(it->second->waiting);
  for (LinkId id : waiting) links_.erase(id);
  for (LinkId id : waiting) scheduler_->OnLinkClosed(id, status);
  ForgetPeerIfIdle(peer_id);
}

void PeerNetwork::ForgetPeerIfIdle(const PeerId& peer_id) {
  auto it = peers_.find(peer_id);
  if (it == peers_.end()) return;
  const Peer& peer = *it->second;
  if (peer.ready == nullptr && peer.dialing == nullptr && peer.waiting.empty() &&
      peer.patience == net::TimerId::kNone) {
    peers_.erase(it);
  }
}

void PeerNetwork::Sweep() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  std::vector<Connection*> unused;
  for (auto& [id, connection] : connections_) {
    if (connection->state != Connection::State::kReady) continue;
    if (!connection->link_of_channel.empty()) {
      connection->unused_since = now;
    } else if (now - connection->unused_since >= environment_->limits.idle_timeout) {
      unused.push_back(connection.get());
    }
  }
  for (Connection* connection : unused) {
    const PeerId peer = connection->peer;
    DropConnection(*connection, Goodbye::Reason::kIdle, "no torrent in common");
    ForgetPeerIfIdle(peer);
  }
  if (!connections_.empty()) ScheduleSweep();
}

// While there are connections.
void PeerNetwork::ScheduleSweep() {
  if (sweep_timer_ != net::TimerId::kNone) return;
  sweep_timer_ = control_->RunAfter(kSweepInterval, [this] {
    sweep_timer_ = net::TimerId::kNone;
    Sweep();
  });
}

// ---- Events of connections ----

void PeerNetwork::OnWireEvents(ConnectionId id, std::vector<WireEvent> events) {
  for (WireEvent& event : events) {
    Connection* connection = FindConnection(id);
    if (connection == nullptr) return;
    if (const auto* disconnected = std::get_if<Disconnected>(&event)) {
      return OnDisconnected(id, *disconnected);
    }
    if (connection->state != Connection::State::kClosing) OnEvent(*connection, event);
  }
}

void PeerNetwork::OnEvent(Connection& connection, WireEvent& event) {
  if (const auto* introduced = std::get_if<PeerIntroduced>(&event)) {
    return OnIntroduced(connection, *introduced);
  }
  if (std::holds_alternative<KrakenConnected>(event)) return OnKrakenConnected(connection);
  if (const auto* introduced = std::get_if<KrakenIntroduced>(&event)) {
    return OnKrakenIntroduced(connection, *introduced);
  }
  if (auto* message = std::get_if<WireMessage>(&event)) return OnMessage(connection, *message);
  if (const auto* progress = std::get_if<PieceProgress>(&event)) {
    if (Link* link = FindLinkByChannel(connection, progress->channel)) {
      scheduler_->OnPieceProgress(link->id, progress->piece, progress->bytes_so_far);
    }
  } else if (const auto* received = std::get_if<PieceReceived>(&event)) {
    if (Link* link = FindLinkByChannel(connection, received->channel)) {
      scheduler_->OnPieceReceived(link->id, received->piece, received->outcome, received->bytes);
    }
  } else if (const auto* failed = std::get_if<WriteFailed>(&event)) {
    if (Link* link = FindLinkByChannel(connection, failed->channel)) {
      on_write_failed_(swarm::TorrentKey(link->key), failed->status);
    }
  } else if (const auto* upload = std::get_if<UploadDone>(&event)) {
    if (Link* link = FindLinkByChannel(connection, upload->channel)) {
      scheduler_->OnUploadDone(link->id, upload->piece);
    }
  }
}

void PeerNetwork::OnMessage(Connection& connection, WireMessage& message) {
  if (std::holds_alternative<OpenChannel>(message.body)) return OnOpen(connection, message);
  if (std::holds_alternative<CloseChannel>(message.body)) return OnPeerClosed(connection, message);
  Link* link = FindLinkByPeerChannel(connection, message.channel);
  if (link == nullptr) {
    // A channel that we have closed: nothing of it is of interest. Or one that waits for its
    // torrent.
    const auto* have = std::get_if<Have>(&message.body);
    IncomingOpen* waiting =
        have == nullptr ? nullptr : FindWaitingOpen(connection, message.channel);
    if (waiting != nullptr) AddHave(*have, std::get<OpenChannel>(waiting->message.body));
    return;
  }
  if (const auto* have = std::get_if<Have>(&message.body)) {
    scheduler_->OnHave(link->id, have->pieces, have->load);
  } else if (const auto* request = std::get_if<Request>(&message.body)) {
    scheduler_->OnRequest(link->id, request->piece);
  } else if (const auto* cancel = std::get_if<Cancel>(&message.body)) {
    scheduler_->OnCancel(link->id, cancel->piece);
  } else if (const auto* reject = std::get_if<Reject>(&message.body)) {
    scheduler_->OnReject(link->id, reject->piece);
  }
}

void PeerNetwork::OnOpen(Connection& connection, WireMessage& message) {
  if (message.peer_channel != 0) return OnOpenAnswer(connection, message);
  OnIncomingOpen(connection, std::move(message), /*may_open_torrent=*/true);
}

void PeerNetwork::OnOpenAnswer(Connection& connection, const WireMessage& message) {
  const auto& open = std::get<OpenChannel>(message.body);
  Link* link = FindLinkByChannel(connection, message.peer_channel);
  if (link == nullptr || link->state != Link::State::kHandshake || link->key != open.key) {
    return Refuse(connection, message.channel, absl::CancelledError("closed meanwhile"));
  }
  link->state = Link::State::kOpen;
  link->peer_channel = message.channel;
  connection.link_of_peer_channel[message.channel] = link->id;
  connection.io->SetPeerChannel(link->channel, message.channel);
  scheduler_->OnHandshake(link->id, {open.key, connection.peer, open.have, open.load});
}

void PeerNetwork::OnIncomingOpen(Connection& connection, WireMessage message,
                                 bool may_open_torrent) {
  const IncomingOpen incoming{connection.id, std::move(message)};
  const auto& open = std::get<OpenChannel>(incoming.message.body);
  const uint32_t peer_channel = incoming.message.channel;
  incoming_ = &incoming;
  ++incoming_id_;
  const absl::Status accepted =
      scheduler_->OnIncoming(swarm::IncomingId{incoming_id_}, connection.info,
                             {open.key, connection.peer, open.have, open.load});
  incoming_ = nullptr;
  if (accepted.ok()) return;
  if (absl::IsNotFound(accepted) && may_open_torrent && opener_ != nullptr &&
      waiting_open_count_ < kMaxWaitingOpens) {
    return OpenTorrentFor(connection, incoming.message);
  }
  Refuse(connection, peer_channel, accepted);
}

// The peer waits, perhaps with others, until the torrent has been looked for in the store.
void PeerNetwork::OpenTorrentFor(Connection& connection, WireMessage message) {
  const auto& open = std::get<OpenChannel>(message.body);
  const swarm::TorrentKey key = open.key;
  const ByteCount size = open.size;
  std::vector<IncomingOpen>& waiting = waiting_opens_[key];
  const bool is_first = waiting.empty();
  waiting.push_back({connection.id, std::move(message)});
  ++waiting_open_count_;
  if (!is_first) return;
  opener_(key, size, [alive = alive_, key](bool opened) {
    if (*alive != nullptr) (*alive)->OnTorrentOpened(key, opened);
  });
}

void PeerNetwork::OnTorrentOpened(const swarm::TorrentKey& key, bool opened) {
  auto it = waiting_opens_.find(key);
  if (it == waiting_opens_.end()) return;
  std::vector<IncomingOpen> waiting = std::move(it->second);
  waiting_opens_.erase(it);
  waiting_open_count_ -= waiting.size();
  for (IncomingOpen& each : waiting) {
    Connection* connection = FindConnection(each.connection);
    if (connection == nullptr || connection->state != Connection::State::kReady) continue;
    if (opened) {
      OnIncomingOpen(*connection, std::move(each.message), /*may_open_torrent=*/false);
    } else {
      Refuse(*connection, each.message.channel, absl::NotFoundError("no such torrent here"));
    }
  }
}

PeerNetwork::IncomingOpen* PeerNetwork::FindWaitingOpen(const Connection& connection,
                                                        uint32_t peer_channel) {
  for (auto& [key, waiting] : waiting_opens_) {
    for (IncomingOpen& each : waiting) {
      if (each.connection == connection.id && each.message.channel == peer_channel) return &each;
    }
  }
  return nullptr;
}

void PeerNetwork::Refuse(Connection& connection, uint32_t peer_channel,
                         const absl::Status& status) {
  if (connection.kraken) {
    return DropConnection(connection, Goodbye::Reason::kRefused, std::string(status.message()));
  }
  connection.io->Send({.peer_channel = peer_channel, .body = CloseChannel{status}});
}

void PeerNetwork::OnPeerClosed(Connection& connection, const WireMessage& message) {
  const absl::Status& said = std::get<CloseChannel>(message.body).status;
  Link* link = message.peer_channel != 0 ? FindLinkByChannel(connection, message.peer_channel)
                                         : FindLinkByPeerChannel(connection, message.channel);
  if (link == nullptr) {
    // If it waits for its torrent, it does so no more: no connection has this id.
    IncomingOpen* waiting = FindWaitingOpen(connection, message.channel);
    if (waiting != nullptr) waiting->connection = ConnectionId{};
    return;
  }
  const LinkId id = link->id;
  connection.io->ForgetChannel(link->channel);
  EraseLink(id);
  scheduler_->OnLinkClosed(id, said.ok() ? absl::UnavailableError("closed by the peer") : said);
}

}  // namespace kraken::peer_wire
