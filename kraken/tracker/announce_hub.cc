#include "kraken/tracker/announce_hub.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::tracker {
namespace {

// And of orders' states.
constexpr int kMaxRecordsPerMessage = 64;
constexpr int kHeartbeatsPerTimeout = 3;
constexpr int kRenewalsPerLease = 3;
constexpr absl::Duration kMaxTick = absl::Seconds(1);

absl::Duration TickOf(const TrackerServerConfig& config) {
  return std::min(kMaxTick, config.peer_timeout / 4);
}

swarm::Instant Now() {
  return swarm::Instant::FromNanos(
      absl::ToInt64Nanoseconds(net::EventLoop::MonotonicNow().since_origin()));
}

// An entry is put into the store again after so long: well before it ends there, although an idle
// torrent is announced every two minutes only.
int64_t StoreRenewalNanos() {
  return swarm::ToNanos(swarm::HandOutConfig().entry_lease / kRenewalsPerLease);
}

swarm::HandOutConfig HandOutFrom(const TrackerServerConfig& config) {
  swarm::HandOutConfig hand_out;
  hand_out.lease = config.lease;
  hand_out.max_peers = config.announce_limit;
  return hand_out;
}

absl::StatusOr<swarm::AnnounceEvent> EventFrom(rpc::v1::AnnounceEvent event) {
  switch (event) {
    case rpc::v1::ANNOUNCE_EVENT_JOIN:
      return swarm::AnnounceEvent::kJoin;
    case rpc::v1::ANNOUNCE_EVENT_PROGRESS:
      return swarm::AnnounceEvent::kProgress;
    case rpc::v1::ANNOUNCE_EVENT_COMPLETE:
      return swarm::AnnounceEvent::kComplete;
    case rpc::v1::ANNOUNCE_EVENT_LEAVE:
      return swarm::AnnounceEvent::kLeave;
    default:
      return absl::InvalidArgumentError(absl::StrCat("announce event ", event));
  }
}

swarm::TorrentKey KeyOf(const Digest& digest, uint64_t piece_length_bytes) {
  return {digest, ByteCount(static_cast<int64_t>(piece_length_bytes))};
}

}  // namespace

AnnounceHub::AnnounceHub(net::EventLoop* loop, rpc::OriginClient* origins,
                         cluster::ClusterMonitor* cluster, const TrackerServerConfig& config)
    : loop_(loop),
      config_(config),
      hand_out_(HandOutFrom(config), &random_),
      relay_(loop, origins, cluster,
             {.ttl = config.metainfo_ttl, .renew = config.lease / kRenewalsPerLease}, this),
      orders_(loop, {.settle = config.orders_after}),
      last_tick_(net::EventLoop::MonotonicNow()) {
  tick_timer_ = loop_->RunAfter(TickOf(config_), [this] { Tick(); });
}

AnnounceHub::~AnnounceHub() { loop_->CancelTimer(tick_timer_); }

void AnnounceHub::OnAnnounce(const std::shared_ptr<rpc::AnnounceOutlet>& stream,
                             rpc::v1::AnnounceRequest request) {
  std::unique_ptr<Session>& slot = sessions_[stream.get()];
  if (slot == nullptr) {
    slot = std::make_unique<Session>();
    slot->stream = stream;
  }
  Session& session = *slot;
  if (session.ended) return;
  session.last_heard = net::EventLoop::MonotonicNow();
  rpc::v1::AnnounceReply reply;
  absl::Status status;
  const bool hello = request.has_self();
  std::optional<AgentOrders::Agent> agent;
  if (hello) status = Introduce(session, request, &agent);
  if (status.ok() && !session.introduced) {
    status = absl::InvalidArgumentError("the first message must say who announces (self)");
  }
  const int count = std::max(request.records_size(), request.orders_size());
  if (status.ok() && count > kMaxRecordsPerMessage) {
    status = absl::InvalidArgumentError(absl::StrCat(count, " records in a message; at most ",
                                                     kMaxRecordsPerMessage, " are taken"));
  }
  for (int i = 0; status.ok() && i < request.records_size(); ++i) {
    status = Record(session, request.records(i), reply);
  }
  for (int i = 0; status.ok() && i < request.orders_size(); ++i) {
    orders_.OnStatus(session.peer.id, request.orders(i));
  }
  if (!status.ok()) {
    ++refused_;
    telemetry::LogWarn("announce refused",
                       {{"peer", session.peer.ip}, {"reason", status.ToString()}});
    Retire(session);
    stream->Finish(status);
    return;
  }
  // The answer to a hello is sent even if there is no news: it says that the stream stands.
  if (hello) {
    reply.set_heartbeat_ms(static_cast<uint32_t>(
        absl::ToInt64Milliseconds(config_.peer_timeout / kHeartbeatsPerTimeout)));
  }
  if (hello || reply.torrents_size() > 0) stream->Write(std::move(reply));
  // Perhaps it is given orders, after that answer.
  if (agent.has_value()) orders_.OnAgent(session.peer.id, *std::move(agent));
}

absl::Status AnnounceHub::Introduce(Session& session, const rpc::v1::AnnounceRequest& hello,
                                    std::optional<AgentOrders::Agent>* agent) {
  const rpc::v1::Peer& self = hello.self();
  KH_ASSIGN_OR_RETURN(swarm::PeerInfo peer, rpc::FromProto(self, zones_));
  if (session.introduced && !(session.peer.id == peer.id)) {
    return absl::InvalidArgumentError("a stream is one peer's; another needs its own");
  }
  session.peer = std::move(peer);
  if (store_ != nullptr) session.self = std::make_shared<const rpc::v1::Peer>(self);
  session.introduced = true;
  // After a reconnect the new stream counts, though the old one may not have been noticed dead.
  by_peer_[session.peer.id] = &session;
  if (session.peer.origin) return absl::OkStatus();
  *agent = AgentOrders::Agent{.ip = session.peer.ip,
                              .zone = self.zone(),
                              .labels = {},
                              .takes_orders = hello.has_agent(),
                              .stream = session.stream};
  return ReadLabels(hello.agent(), &(*agent)->labels);
}

void AnnounceHub::OnOrder(rpc::v1::OrderRequest request, std::shared_ptr<rpc::OrderOutlet> outlet) {
  orders_.Take(std::move(request), std::move(outlet));
}

void AnnounceHub::OnOrderClosed(const std::shared_ptr<rpc::OrderOutlet>& outlet) {
  orders_.OnCallerGone(outlet);
}

absl::Status AnnounceHub::Record(Session& session, const rpc::v1::AnnounceRecord& record,
                                 rpc::v1::AnnounceReply& reply) {
  ++records_;
  KH_ASSIGN_OR_RETURN(const Digest digest, rpc::DigestFromBytes(record.digest()));
  const uint64_t piece_length = record.piece_length_bytes();
  if (piece_length > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()) ||
      record.piece_count() > static_cast<uint32_t>(std::numeric_limits<int32_t>::max()) ||
      record.have_pieces() > record.piece_count()) {
    return absl::InvalidArgumentError(absl::StrCat("a record with ", record.have_pieces(), " of ",
                                                   record.piece_count(), " pieces of ",
                                                   piece_length, " bytes"));
  }
  KH_RETURN_IF_ERROR(EventFrom(record.event()).status());
  if (record.event() == rpc::v1::ANNOUNCE_EVENT_LEAVE) {
    StopWanting(session, digest);
  } else if (record.want_metainfo()) {
    KH_RETURN_IF_ERROR(Namespace::Parse(record.namespace_()).status());
    WantMetainfo(session, digest, record, reply);
  } else {
    StopWanting(session, digest);
    if (relay_.Known(digest) != nullptr) relay_.Want(digest, record.namespace_());
  }
  if (piece_length != 0) Announce(session, digest, record, reply);
  return absl::OkStatus();
}

void AnnounceHub::WantMetainfo(Session& session, const Digest& digest,
                               const rpc::v1::AnnounceRecord& record,
                               rpc::v1::AnnounceReply& reply) {
  const bool is_new = !session.wanted.contains(digest);
  if (is_new && IsFull(session.wanted.size())) return ReportOverLimit(record, reply);
  session.wanted.insert(digest);
  audiences_[digest].want_metainfo.insert(&session);
  relay_.Want(digest, record.namespace_());
  const rpc::v1::Metainfo* known = relay_.Known(digest);
  if (!is_new || known == nullptr) return;
  rpc::v1::TorrentNews* news = reply.add_torrents();
  news->set_digest(record.digest());
  *news->mutable_metainfo() = *known;
}

void AnnounceHub::Announce(Session& session, const Digest& digest,
                           const rpc::v1::AnnounceRecord& record, rpc::v1::AnnounceReply& reply) {
  const swarm::TorrentKey key = KeyOf(digest, record.piece_length_bytes());
  swarm::AnnounceRecord said;
  said.key = key;
  said.event = *EventFrom(record.event());
  said.have = PieceCount(static_cast<int32_t>(record.have_pieces()));
  said.piece_count = PieceCount(static_cast<int32_t>(record.piece_count()));
  said.want_peers = record.want_peers();
  said.origin = session.peer.origin;
  const swarm::Instant now = Now();
  if (said.event == swarm::AnnounceEvent::kLeave) {
    LeaveTorrent(session, key);
  } else {
    auto membership = session.torrents.find(key);
    if (membership == session.torrents.end()) {
      if (IsFull(session.torrents.size())) return ReportOverLimit(record, reply);
      membership = session.torrents.try_emplace(key).first;
      Audience& audience = audiences_[digest];
      if (store_ != nullptr && audience.have_torrent.empty()) store_->Load(key);
      audience.have_torrent.insert(&session);
    }
    Share(session, key, membership->second, swarm::IsComplete(said), now);
  }
  swarm::AnnounceAnswer answer = hand_out_.Announce(now, session.peer, said);
  if (!answer.peers.empty()) {
    rpc::v1::TorrentNews* news = reply.add_torrents();
    news->set_digest(record.digest());
    news->set_piece_length_bytes(record.piece_length_bytes());
    for (const swarm::PeerInfo& peer : answer.peers) {
      *news->add_peers() = rpc::ToProto(peer, zones_);
    }
  }
  for (const swarm::PeerPush& push : answer.pushes) Push(key, push);
}

void AnnounceHub::Push(const swarm::TorrentKey& key, const swarm::PeerPush& push) {
  auto recipient = by_peer_.find(push.recipient);
  if (recipient == by_peer_.end()) return;
  rpc::v1::AnnounceReply reply;
  rpc::v1::TorrentNews* news = reply.add_torrents();
  news->set_digest(rpc::ToBytes(key.digest));
  news->set_piece_length_bytes(static_cast<uint64_t>(key.piece_length.value()));
  *news->add_peers() = rpc::ToProto(push.peer, zones_);
  recipient->second->stream->Write(std::move(reply));
}

bool AnnounceHub::IsFull(size_t swarms) const {
  return swarms >= static_cast<size_t>(config_.max_swarms_per_peer);
}

void AnnounceHub::ReportOverLimit(const rpc::v1::AnnounceRecord& record,
                                  rpc::v1::AnnounceReply& reply) {
  ++over_limit_;
  rpc::v1::TorrentNews* news = reply.add_torrents();
  news->set_digest(record.digest());
  news->set_piece_length_bytes(record.piece_length_bytes());
  *news->mutable_failure() = rpc::ToFailure(
      absl::ResourceExhaustedError(absl::StrCat("this peer is in ", config_.max_swarms_per_peer,
                                                " swarms already, the most that the tracker allows "
                                                "(trackerserver.max_swarms_per_peer)")));
}

void AnnounceHub::LeaveTorrent(Session& session, const swarm::TorrentKey& key) {
  const bool was_there = session.torrents.erase(key) > 0;
  if (was_there && store_ != nullptr && !ending_) store_->Remove(key, session.self);
  auto audience = audiences_.find(key.digest);
  if (audience == audiences_.end()) return;
  audience->second.have_torrent.erase(&session);
  DropIfEmpty(key.digest);
}

void AnnounceHub::StopWanting(Session& session, const Digest& digest) {
  if (session.wanted.erase(digest) == 0) return;
  auto audience = audiences_.find(digest);
  if (audience == audiences_.end()) return;
  audience->second.want_metainfo.erase(&session);
  DropIfEmpty(digest);
}

void AnnounceHub::DropIfEmpty(const Digest& digest) {
  auto audience = audiences_.find(digest);
  if (audience != audiences_.end() && audience->second.empty()) audiences_.erase(audience);
}

void AnnounceHub::OnStreamClosed(const std::shared_ptr<rpc::AnnounceOutlet>& stream) {
  auto it = sessions_.find(stream.get());
  if (it == sessions_.end()) return;
  Retire(*it->second);
  sessions_.erase(it);
}

void AnnounceHub::Retire(Session& session) {
  session.ended = true;
  auto owner = by_peer_.find(session.peer.id);
  const bool is_current = owner != by_peer_.end() && owner->second == &session;
  // A peer that is back on a new stream keeps its entries.
  if (is_current) {
    by_peer_.erase(owner);
    hand_out_.Forget(session.peer.id);
    orders_.OnAgentLost(session.peer.id);
  }
  std::vector<swarm::TorrentKey> torrents;
  torrents.reserve(session.torrents.size());
  for (const auto& [key, membership] : session.torrents) torrents.push_back(key);
  for (const swarm::TorrentKey& key : torrents) LeaveTorrent(session, key);
  const std::vector<Digest> wanted(session.wanted.begin(), session.wanted.end());
  for (const Digest& digest : wanted) StopWanting(session, digest);
}

void AnnounceHub::EndSilentSessions() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  const absl::Duration tick = TickOf(config_);
  if (now - last_tick_ > 2 * tick) awake_since_ = now;
  last_tick_ = now;
  const swarm::Instant instant = Now();
  for (auto& [stream, session] : sessions_) {
    if (now - std::max(session->last_heard, awake_since_) < config_.peer_timeout) {
      if (!session->ended) hand_out_.Renew(instant, session->peer.id);
      continue;
    }
    const absl::Status status = absl::UnavailableError(
        absl::StrCat("the tracker has heard nothing of this peer for ",
                     absl::FormatDuration(config_.peer_timeout), " (trackerserver.peer_timeout)"));
    if (!session->ended) {
      ++silent_;
      telemetry::LogInfo("a peer fell silent", {{"peer", session->peer.ip}});
      Retire(*session);
    }
    // Again and again until the stream is closed: an earlier end may wait for a dead reader.
    session->stream->Abort(status);
  }
}

void AnnounceHub::EndStreams() {
  ending_ = true;
  orders_.Stop();
  for (auto& [stream, session] : sessions_) {
    session->stream->Finish(absl::UnavailableError("the tracker is shutting down"));
  }
}

void AnnounceHub::Share(const Session& session, const swarm::TorrentKey& key,
                        Membership& membership, bool complete, swarm::Instant now) {
  if (store_ == nullptr) return;
  const bool is_new = membership.stored_at == swarm::Instant::Never();
  const bool is_due = is_new || membership.stored_complete != complete ||
                      membership.stored_at < store_up_since_ ||
                      now - membership.stored_at >= StoreRenewalNanos();
  if (!is_due || !store_->Put(key, session.self, complete, is_new)) return;
  membership = {.stored_at = now, .stored_complete = complete};
  // Until every tracker has put there what its peers announce, who else is here is asked often.
  if (IsStoreNew(now)) shared_swarms_.try_emplace(key);
}

bool AnnounceHub::IsStoreNew(swarm::Instant now) const {
  return now - store_up_since_ < swarm::ToNanos(config_.lease);
}

bool AnnounceHub::HasLocalPeers(const swarm::TorrentKey& key) const {
  auto audience = audiences_.find(key.digest);
  return audience != audiences_.end() && !audience->second.have_torrent.empty();
}

bool AnnounceHub::IsLocal(const swarm::TorrentKey& key, const PeerId& peer) const {
  // Peers are connected to all trackers; what counts is to whom they announce this torrent.
  auto session = by_peer_.find(peer);
  return session != by_peer_.end() && session->second->torrents.contains(key);
}

void AnnounceHub::OnStoreUp() { store_up_since_ = Now(); }

void AnnounceHub::OnSharedPeers(const swarm::TorrentKey& key,
                                const std::vector<rpc::v1::Peer>& peers) {
  const swarm::Instant now = Now();
  if ((peers.empty() && !IsStoreNew(now)) || !HasLocalPeers(key)) {
    shared_swarms_.erase(key);
    return;
  }
  shared_swarms_[key] = now + swarm::ToNanos(config_.lease) / 2;
  for (const rpc::v1::Peer& peer : peers) TakeSharedPeer(key, peer);
}

void AnnounceHub::OnSharedPeerCame(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) {
  if (!HasLocalPeers(key)) return;
  shared_swarms_.try_emplace(key, Now() + swarm::ToNanos(config_.lease) / 2);
  TakeSharedPeer(key, peer);
}

void AnnounceHub::OnSharedPeerLeft(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) {
  const absl::StatusOr<swarm::PeerInfo> info = rpc::FromProto(peer, zones_);
  if (info.ok() && !IsLocal(key, info->id)) hand_out_.Forget(key, info->id);
}

void AnnounceHub::TakeSharedPeer(const swarm::TorrentKey& key, const rpc::v1::Peer& shared) {
  absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(shared, zones_);
  if (!peer.ok()) {
    telemetry::LogWarn("another tracker shares a bad peer", {{"reason", peer.status().ToString()}});
    return;
  }
  if (IsLocal(key, peer->id)) return;
  swarm::AnnounceRecord record;
  record.key = key;
  record.event = peer->complete ? swarm::AnnounceEvent::kComplete : swarm::AnnounceEvent::kProgress;
  record.origin = peer->origin;
  // What a peer says of itself here is newer than what it has said elsewhere.
  auto session = by_peer_.find(peer->id);
  const swarm::PeerInfo& info = session != by_peer_.end() ? session->second->peer : *peer;
  for (const swarm::PeerPush& push : hand_out_.Announce(Now(), info, record).pushes) {
    Push(key, push);
  }
}

void AnnounceHub::ReloadSharedSwarms() {
  if (store_ == nullptr) return;
  const swarm::Instant now = Now();
  for (auto it = shared_swarms_.begin(); it != shared_swarms_.end();) {
    if (!HasLocalPeers(it->first)) {
      shared_swarms_.erase(it++);
      continue;
    }
    if (it->second <= now) {
      store_->Load(it->first);
      // The answer sets it again, or ends it.
      it->second = now + swarm::ToNanos(config_.lease) / 2;
    }
    ++it;
  }
}

void AnnounceHub::SendToWanting(const Digest& digest, const rpc::v1::TorrentNews& news) {
  auto audience = audiences_.find(digest);
  if (audience == audiences_.end()) return;
  for (Session* session : audience->second.want_metainfo) {
    rpc::v1::AnnounceReply reply;
    *reply.add_torrents() = news;
    session->stream->Write(std::move(reply));
  }
}

void AnnounceHub::OnMetainfo(const Digest& digest, const rpc::v1::Metainfo& metainfo) {
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(digest));
  *news.mutable_metainfo() = metainfo;
  SendToWanting(digest, news);
  if (metainfo.has_kraken() && kraken_observer_ != nullptr) {
    kraken_observer_->OnKrakenNews(digest, absl::OkStatus());
  }
}

void AnnounceHub::OnOrigin(const Digest& digest, const rpc::v1::Peer& origin,
                           uint64_t piece_length_bytes, bool complete) {
  absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(origin, zones_);
  if (!peer.ok()) {
    telemetry::LogWarn("an origin introduced itself badly", {{"reason", peer.status().ToString()}});
    return;
  }
  swarm::AnnounceRecord record;
  record.key = KeyOf(digest, piece_length_bytes);
  record.event = complete ? swarm::AnnounceEvent::kComplete : swarm::AnnounceEvent::kProgress;
  record.origin = true;
  for (const swarm::PeerPush& push : hand_out_.Announce(Now(), *peer, record).pushes) {
    Push(record.key, push);
  }
}

void AnnounceHub::OnOriginGone(const Digest& digest, const rpc::v1::Peer& origin,
                               uint64_t piece_length_bytes) {
  absl::StatusOr<swarm::PeerInfo> peer = rpc::FromProto(origin, zones_);
  if (peer.ok()) hand_out_.Forget(KeyOf(digest, piece_length_bytes), peer->id);
}

void AnnounceHub::OnRevoked(const Digest& digest, const absl::Status& reason) {
  if (kraken_observer_ != nullptr) kraken_observer_->OnKrakenNews(digest, reason);
  auto audience = audiences_.find(digest);
  if (audience == audiences_.end()) return;
  absl::flat_hash_set<Session*> all = audience->second.want_metainfo;
  all.insert(audience->second.have_torrent.begin(), audience->second.have_torrent.end());
  for (Session* session : all) {
    rpc::v1::AnnounceReply reply;
    rpc::v1::TorrentNews* news = reply.add_torrents();
    news->set_digest(rpc::ToBytes(digest));
    *news->mutable_revoked() = rpc::ToFailure(reason);
    session->stream->Write(std::move(reply));
  }
}

void AnnounceHub::OnUnavailable(const Digest& digest, const absl::Status& reason) {
  if (kraken_observer_ != nullptr) kraken_observer_->OnKrakenNews(digest, reason);
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(digest));
  *news.mutable_failure() = rpc::ToFailure(reason);
  SendToWanting(digest, news);
  // Who still wants it asks again.
  auto audience = audiences_.find(digest);
  if (audience == audiences_.end()) return;
  for (Session* session : audience->second.want_metainfo) session->wanted.erase(digest);
  audience->second.want_metainfo.clear();
  DropIfEmpty(digest);
}

bool AnnounceHub::IsOurs(const PeerId& id) const {
  if (by_peer_.contains(id)) return true;
  const swarm::PeerInfo* peer = hand_out_.FindPeer(id);
  return peer != nullptr && peer->version == swarm::WireVersion::kHarbor;
}

std::vector<swarm::PeerInfo> AnnounceHub::AnnounceKraken(const swarm::PeerInfo& peer,
                                                         const swarm::AnnounceRecord& record) {
  swarm::AnnounceAnswer answer = hand_out_.Announce(Now(), peer, record);
  for (const swarm::PeerPush& push : answer.pushes) Push(record.key, push);
  return std::move(answer.peers);
}

void AnnounceHub::ForgetKraken(const swarm::TorrentKey& key, const PeerId& peer) {
  if (!IsOurs(peer)) hand_out_.Forget(key, peer);
}

void AnnounceHub::Tick() {
  EndSilentSessions();
  relay_.Sweep();
  hand_out_.Sweep(Now());
  ReloadSharedSwarms();
  orders_.Tick();
  tick_timer_ = loop_->RunAfter(TickOf(config_), [this] { Tick(); });
}

AnnounceHubStats AnnounceHub::stats() const {
  AnnounceHubStats stats;
  stats.records = records_;
  stats.refused = refused_;
  stats.silent = silent_;
  stats.over_limit = over_limit_;
  stats.streams = sessions_.size();
  stats.swarms = hand_out_.swarm_count();
  stats.peers = hand_out_.entry_count();
  stats.blobs = relay_.blob_count();
  stats.orders = orders_.stats();
  return stats;
}

}  // namespace kraken::tracker
