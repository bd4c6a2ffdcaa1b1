// Whom a torrent is linked to.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/swarm/host.h"
#include "kraken/swarm/torrent_session.h"

namespace kraken::swarm {

void TorrentSession::OnTrackerPeers(absl::Span<const PeerInfo> peers) {
  const Instant now = host_.Now();
  for (const PeerInfo& peer : peers) {
    if (peer.id == host_.self.id || host_.IsBanned(peer.id, now)) continue;
    candidates_.Add(peer);
    if (FindLinkTo(peer.id) != nullptr) candidates_.MarkLinked(peer.id);
  }
  DialMore();
  UpdateDeadline();
}

void TorrentSession::DialMore() {
  const SwarmConfig& config = host_.config;
  if (is_complete() || stopped_) return;
  while (static_cast<int>(links_.size()) < WantedLinks() &&
         dialed_links_ < config.max_dialed_links && pending_dials_ < config.max_pending_dials) {
    if (!host_.HasRoomForLink()) return AwaitRoom();
    const absl::optional<PeerInfo> peer = candidates_.TakeNext(host_.Now());
    if (!peer.has_value()) return;
    PeerLink* link = host_.NewLink(*this, *peer);
    link->dialed = true;
    links_.push_back(link);
    ++dialed_links_;
    ++pending_dials_;
    ++host_.stats.dials;
    host_.env.network->Dial(link->id, key_, *peer);
  }
}

void TorrentSession::AwaitRoom() {
  if (awaits_room_ || candidates_.CountDue(host_.Now()) == 0) return;
  awaits_room_ = true;
  host_.AwaitLink(*this);
}

void TorrentSession::OnRoomForLink() {
  awaits_room_ = false;
  DialMore();
  UpdateDeadline();
}

PeerLink* TorrentSession::FindLinkTo(const PeerId& peer) {
  auto it = std::find_if(links_.begin(), links_.end(),
                         [&](const PeerLink* link) { return link->peer.id == peer; });
  return it == links_.end() ? nullptr : *it;
}

void TorrentSession::OnDialed(PeerLink& link) {
  if (link.state != PeerLink::State::kDialing) return;
  link.state = PeerLink::State::kShakingHands;
  // A HAVE that still waits goes out to this link too, and does no harm: the map has it already.
  host_.env.network->SendHandshake(link.id, OurHandshake(link));
}

bool TorrentSession::AreOrigins(const PeerLink& link) const {
  return link.peer.origin && host_.self.origin;
}

bool TorrentSession::CountsPieces(const PeerLink& link) const {
  return super_seeder_ == nullptr || !AreOrigins(link);
}

int TorrentSession::AgentLinks() const {
  return static_cast<int>(std::count_if(
      links_.begin(), links_.end(), [this](const PeerLink* link) { return !AreOrigins(*link); }));
}

Handshake TorrentSession::OurHandshake(PeerLink& link) {
  Handshake handshake;
  handshake.key = key_;
  handshake.peer = host_.self.id;
  const bool is_open_peer =
      super_seeder_ != nullptr && AgentLinks() <= host_.config.super_seed_open_peers;
  has_open_peers_ |= is_open_peer;
  link.told_all = super_seeder_ == nullptr || AreOrigins(link) || is_open_peer;
  handshake.have = link.told_all ? picker_.have() : PieceMap(layout_.piece_count());
  handshake.load = host_.UploadLoad();
  return handshake;
}

void TorrentSession::OnHandshake(PeerLink& link, const Handshake& handshake) {
  if (link.state != PeerLink::State::kShakingHands) {
    return CloseForProtocolError(link, absl::InvalidArgumentError("handshake out of turn"));
  }
  if (handshake.key != key_ || handshake.peer != link.peer.id ||
      handshake.have.size() != layout_.piece_count()) {
    return CloseForProtocolError(
        link, absl::InvalidArgumentError("handshake of another torrent, peer or size"));
  }
  OpenLink(link, handshake);
  UpdateDeadline();
}

absl::Status TorrentSession::OnIncoming(IncomingId incoming, const PeerInfo& peer,
                                        const Handshake& handshake) {
  if (handshake.have.size() != layout_.piece_count()) {
    return absl::InvalidArgumentError(absl::StrCat("bitfield of ", handshake.have.size().value(),
                                                   " pieces, the torrent has ",
                                                   layout_.piece_count().value()));
  }
  if (is_complete() && (handshake.have.IsFull() || NeedsNothing(peer))) {
    return absl::FailedPreconditionError("neither side lacks anything");
  }
  KH_RETURN_IF_ERROR(AcceptBesides(peer));
  if (static_cast<int>(links_.size()) >= host_.config.max_links && !MakeRoom()) {
    return absl::ResourceExhaustedError("all links of the torrent are taken");
  }
  PeerLink* link = host_.NewLink(*this, peer);
  if (link == nullptr) return absl::ResourceExhaustedError("all links of the host are taken");
  links_.push_back(link);
  ++pending_dials_;
  candidates_.MarkLinked(peer.id);
  host_.env.network->Accept(incoming, link->id, OurHandshake(*link));
  OpenLink(*link, handshake);
  // It may have been quiet until now.
  next_maintenance_ =
      std::min(next_maintenance_, host_.Now() + ToNanos(host_.config.maintenance_interval));
  UpdateDeadline();
  return absl::OkStatus();
}

// Of two links between the same two, opened at the same time, the one that the lower peer id
// dialled survives.
absl::Status TorrentSession::AcceptBesides(const PeerInfo& peer) {
  if (peer.id == host_.self.id) return absl::AlreadyExistsError("this is ourselves");
  if (host_.IsBanned(peer.id, host_.Now())) return absl::PermissionDeniedError("banned");
  PeerLink* other = FindLinkTo(peer.id);
  if (other == nullptr) return absl::OkStatus();
  if (other->is_open()) return absl::AlreadyExistsError("linked already");
  if (host_.self.id < peer.id) return absl::AlreadyExistsError("our dial is under way");
  CloseLink(*other, absl::AlreadyExistsError("the peer dialled us"));
  return absl::OkStatus();
}

int TorrentSession::WantedLinks() const {
  const SwarmConfig& config = host_.config;
  const bool starved = host_.Now() - last_use_ >= ToNanos(config.starved_after);
  return std::min(config.min_links + (starved ? config.starved_links : 0), config.max_links);
}

// Peers that all lack the same are of no use to each other, however many they are: such a torrent
// wants to know others, and leaves those that had nothing new for longest.
void TorrentSession::LookForUse() {
  const Instant now = host_.Now();
  const bool useful = is_complete() || requests_ > 0 ||
                      std::any_of(links_.begin(), links_.end(), [this](const PeerLink* link) {
                        return link->is_open() && picker_.IsInteresting(link->have);
                      });
  if (useful) {
    last_use_ = last_replacement_ = now;
    return;
  }
  // The tracker hears of it now, unless it knows.
  if (WantedPeers() > 0 && hungry_nanos_ == 0) next_announce_ = now;
  if (static_cast<int>(links_.size()) < WantedLinks() ||
      now - last_replacement_ < ToNanos(host_.config.replace_interval)) {
    return;
  }
  PeerLink* least = nullptr;
  for (PeerLink* link : links_) {
    if (!link->is_open() || link->peer.origin || link->uploads_queued > 0) continue;
    if (least == nullptr || link->last_news < least->last_news) least = link;
  }
  if (least == nullptr) return;
  last_replacement_ = now;
  CloseLink(*least, absl::ResourceExhaustedError("has had nothing new for long"));
}

// Closes a link that does us no good, for one that might.
bool TorrentSession::MakeRoom() {
  const Instant now = host_.Now();
  for (PeerLink* link : links_) {
    const bool snubbed = link->is_open() && link->snubbed_until > now;
    if ((snubbed || link->on_parole) && link->uploads_queued == 0) {
      CloseLink(*link, absl::ResourceExhaustedError("replaced by a newer peer"));
      return true;
    }
  }
  return false;
}

void TorrentSession::OpenLink(PeerLink& link, const Handshake& handshake) {
  const Instant now = host_.Now();
  --pending_dials_;
  link.state = PeerLink::State::kOpen;
  link.have = handshake.have;
  link.last_news = now;
  link.is_far = IsFar(link.peer);
  link.zone_hash = ZoneHash(link.peer.id);
  far_links_ += link.is_far;
  if (near_ != nullptr && !link.is_far) near_->AddPeer(link.have);
  if (CountsPieces(link)) {
    link.counted_as_seed = link.have.IsFull();
    if (link.counted_as_seed) {
      picker_.AddSeed();
    } else {
      picker_.AddPeerPieces(link.have);
    }
  }
  if (handshake.load.is_known()) {
    link.backlog_nanos = handshake.load.backlog_micros * kNanosPerMicro;
    link.backlog_at = now;
  }
  ++host_.stats.links_opened;
  if (CloseIfUseless(link)) return;
  if (has_open_peers_ && AgentLinks() > host_.config.super_seed_small_swarm) CloseOpenPeers();
  RevealPieces();
  FillRequests();
}

// Two that have everything have nothing to say to each other; nor has a peer that needs nothing to
// an origin.
bool TorrentSession::IsUseless(const PeerLink& link) const {
  return is_complete() && link.is_open() && (link.have.IsFull() || NeedsNothing(link.peer));
}

// An origin gets a blob from its backend or from another origin. While it copies, agents that are
// linked to it may give it pieces too, but to stay linked for that is not worth a place.
bool TorrentSession::NeedsNothing(const PeerInfo& peer) const {
  return peer.origin && !host_.self.origin;
}

bool TorrentSession::CloseIfUseless(PeerLink& link) {
  if (!IsUseless(link)) return false;
  CloseLink(link, absl::OkStatus());
  return true;
}

void TorrentSession::OnLinkClosed(PeerLink& link) {
  const bool failed = !link.is_open();
  if (failed) ++host_.stats.dials_failed;
  DetachLink(link, failed);
  DialMore();
  FillRequests();
  RevealPieces();
  UpdateDeadline();
}

void TorrentSession::CloseLink(PeerLink& link, const absl::Status& reason) {
  host_.env.network->Close(link.id, reason);
  DetachLink(link, /*failed=*/false);
}

void TorrentSession::CloseForProtocolError(PeerLink& link, const absl::Status& reason) {
  ++host_.stats.protocol_errors;
  host_.env.network->Close(link.id, reason);
  DetachLink(link, /*failed=*/true);
  FillRequests();
  UpdateDeadline();
}

void TorrentSession::DetachLink(PeerLink& link, bool failed) {
  while (!link.requests.empty()) {
    const PendingRequest request = link.requests.back();
    if (!request.started) host_.ReturnRequest(layout_.LengthOf(request.piece));
    EndRequest(link, request.piece);
  }
  if (link.counted_as_seed) {
    picker_.RemoveSeed();
  } else if (link.is_open() && CountsPieces(link)) {
    picker_.RemovePeerPieces(link.have);
  }
  if (link.is_open()) {
    far_links_ -= link.is_far;
    if (near_ != nullptr && !link.is_far) near_->RemovePeer(link.have);
  } else {
    --pending_dials_;
  }
  if (link.dialed) --dialed_links_;
  uploads_queued_ -= link.uploads_queued;
  if (super_seeder_ != nullptr) super_seeder_->DropLink(link.id);
  candidates_.MarkUnlinked(link.peer.id, failed, host_.Now());
  links_.erase(std::find(links_.begin(), links_.end(), &link));
  host_.FreeLink(link);
  host_.StartUploads();
}

}  // namespace kraken::swarm
