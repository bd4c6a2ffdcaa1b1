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
  if (hello) status = Introduce(session, request.self());
  if (status.ok() && !session.introduced) {
    status = absl::InvalidArgumentError("the first message must say who announces (self)");
  }
  if (status.ok() && request.records_size() > kMaxRecordsPerMessage) {
    status = absl::InvalidArgumentError(absl::StrCat(request.records_size(),
                                                     " records in a message; at most ",
                                                     kMaxRecordsPerMessage, " are taken"));
  }
  for (int i = 0; status.ok() && i < request.records_size(); ++i) {
    status = Record(session, request.records(i), reply);
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
}

absl::Status AnnounceHub::Introduce(Session& session, const rpc::v1::Peer& self) {
  KH_ASSIGN_OR_RETURN(swarm::PeerInfo peer, rpc::FromProto(self, zones_));
  if (session.introduced && !(session.peer.id == peer.id)) {
    return absl::InvalidArgumentError("a stream is one peer's; another needs its own");
  }
  session.peer = std::move(peer);
  session.introduced = true;
  // After a reconnect the new stream counts, though the old one may not have been noticed dead.
  by_peer_[session.peer.id] = &session;
  return absl::OkStatus();
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
  if (said.event == swarm::AnnounceEvent::kLeave) {
    LeaveTorrent(session, key);
  } else if (!session.torrents.contains(key) && IsFull(session.torrents.size())) {
    return ReportOverLimit(record, reply);
  } else {
    session.torrents.insert(key);
    audiences_[digest].have_torrent.insert(&session);
  }
  swarm::AnnounceAnswer answer = hand_out_.Announce(Now(), session.peer, said);
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
  session.torrents.erase(key);
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
  }
  const std::vector<swarm::TorrentKey> torrents(session.torrents.begin(), session.torrents.end());
  for (const swarm::TorrentKey& key : torrents) LeaveTorrent(session, key);
  const std::vector<Digest> wanted(session.wanted.begin(), session.wanted.end());
  for (const Digest& digest : wanted) StopWanting(session, digest);
}

void AnnounceHub::EndSilentSessions() {
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  const absl::Duration tick = TickOf(config_);
  if (now - last_tick_ > 2 * tick) awake_since_ = now;
  last_tick_ = now;
  for (auto& [stream, session] : sessions_) {
    if (now - std::max(session->last_heard, awake_since_) < config_.peer_timeout) {
      if (!session->ended) hand_out_.Renew(Now(), session->peer.id);
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
  for (auto& [stream, session] : sessions_) {
    session->stream->Finish(absl::UnavailableError("the tracker is shutting down"));
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
  return stats;
}

}  // namespace kraken::tracker
