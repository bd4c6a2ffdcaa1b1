#include "kraken/swarm/torrent_session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/prefetch.h"
#include "kraken/swarm/host.h"

namespace kraken::swarm {
namespace {

// Quiet torrents wake up together, at most this often.
constexpr int64_t kWakeGridNanos = 10 * kNanosPerSecond;

Instant RoundUpToGrid(Instant when) {
  return Instant::FromNanos((when.nanos() + kWakeGridNanos - 1) / kWakeGridNanos * kWakeGridNanos);
}

PieceMap VerifiablePieces(const TorrentSpec& spec) {
  const PieceCount pieces = spec.layout.piece_count();
  if (spec.all_states_known) return PieceMap::Full(pieces);
  PieceMap verifiable(pieces);
  for (PieceIndex piece(0); piece.value() < pieces.value(); ++piece) {
    const bool start = piece.value() == 0 || spec.known_states.Has(piece - PieceCount(1));
    const bool end = piece == spec.layout.last_piece() || spec.known_states.Has(piece);
    if (start && end) verifiable.Add(piece);
  }
  return verifiable;
}

}  // namespace

TorrentSession::TorrentSession(Host& host, const TorrentSpec& spec)
    : host_(host),
      key_{spec.digest, spec.layout.piece_length()},
      layout_(spec.layout),
      known_states_(spec.all_states_known
                        ? PieceMap::Full(spec.layout.piece_count() - PieceCount(1))
                        : spec.known_states),
      picker_(spec.have, VerifiablePieces(spec), host.env.random),
      candidates_(host.config.max_candidates, ToNanos(host.config.redial_delay),
                  ToNanos(host.config.max_redial_delay)),
      began_complete_(spec.have.IsFull()),
      zone_hash_(ZoneHash(host.self.id)) {
  if (host_.self.zone != 0) near_ = std::make_unique<NearPieces>(layout_.piece_count());
  if (host_.config.super_seed) {
    super_seeder_ = std::make_unique<SuperSeeder>(spec.have, host.env.random);
  }
}

TorrentSession::~TorrentSession() = default;

void TorrentSession::Start(TorrentId id) {
  id_ = id;
  const Instant now = host_.Now();
  last_payload_ = last_use_ = last_replacement_ = near_news_ = now;
  last_stall_report_ = now;
  next_maintenance_ = now + ToNanos(host_.config.maintenance_interval);
  Announce(AnnounceEvent::kJoin);
  UpdateDeadline();
}

void TorrentSession::Stop(AnnounceEvent last_word, const absl::Status& reason) {
  stopped_ = true;
  // All first: a slot that one link leaves is not for another of them.
  for (const PeerLink* link : links_) {
    if (link->uploads_queued > 0) host_.uploads.RemoveWaiting(link->id);
  }
  while (!links_.empty()) CloseLink(*links_.back(), reason);
  for (ReaderId reader : readers_) host_.readers.Erase(reader);
  readers_.clear();
  Announce(last_word);
  host_.SetDeadline(*this, Instant::Never());
}

absl::Status TorrentSession::OnStatesKnown(PieceIndex first, PieceCount count) {
  const int64_t end = int64_t{first.value()} + count.value();
  if (first.value() < 0 || count.value() < 0 || end > known_states_.size().value()) {
    return absl::InvalidArgumentError(absl::StrCat("torrent ", key_.ToString(), ": states ",
                                                   first.value(), " + ", count.value(), " of ",
                                                   known_states_.size().value()));
  }
  for (int32_t i = 0; i < count.value(); ++i) known_states_.Add(first + PieceCount(i));
  // The piece before `first` may have waited for its end, the one after the last for its start.
  for (PieceIndex piece = first; piece.value() <= end; ++piece) {
    if (StateIsKnown(piece.value() - 1) && StateIsKnown(piece.value())) {
      picker_.MarkVerifiable(piece);
    }
  }
  FillRequests();
  return absl::OkStatus();
}

// The state after piece `state`; the one before piece 0 and the one after the last always are.
bool TorrentSession::StateIsKnown(int32_t state) const {
  return state < 0 || state >= known_states_.size().value() || known_states_.Has(PieceIndex(state));
}

absl::Status TorrentSession::OnLocalPiece(PieceIndex piece) {
  if (!IsValid(piece)) {
    return absl::InvalidArgumentError(absl::StrCat("torrent ", key_.ToString(), ": local piece ",
                                                   piece.value(), " of ",
                                                   layout_.piece_count().value()));
  }
  if (!picker_.MarkHave(piece)) return absl::OkStatus();
  last_payload_ = host_.Now();
  CancelOtherRequests(piece);
  if (super_seeder_ != nullptr) super_seeder_->AddPiece(piece);
  QueueHave(piece);
  RevealPieces();
  if (is_complete()) {
    Announce(AnnounceEvent::kComplete);
    for (size_t i = links_.size(); i-- > 0;) CloseIfUseless(*links_[i]);
  } else {
    FillRequests();
  }
  return absl::OkStatus();
}

void TorrentSession::AddReader(ReaderId reader) {
  readers_.push_back(reader);
  FillRequests();
}

void TorrentSession::RemoveReader(ReaderId reader) {
  readers_.erase(std::remove(readers_.begin(), readers_.end(), reader), readers_.end());
  last_payload_ = host_.Now();  // The idle limit runs from here.
  host_.ResumeBackground();
  UpdateDeadline();
}

bool TorrentSession::IsRead() const {
  return std::any_of(readers_.begin(), readers_.end(), [this](ReaderId id) {
    const Reader* reader = host_.readers.Find(id);
    return reader != nullptr && !reader->suspended;
  });
}

bool TorrentSession::OnDeadline() {
  const Instant now = host_.Now();
  if (!pending_haves_.empty() || load_changed_) FlushHaves();
  const bool stays = next_maintenance_ > now || RunMaintenance();
  if (stays) UpdateDeadline();
  return stays;
}

bool TorrentSession::RunMaintenance() {
  if (IsIdleTooLong()) return false;
  ExpireRequests();
  CheckStall();
  if (super_seeder_ != nullptr) {
    const Instant now = host_.Now();
    for (const SuperSeeder::Reveal& reveal :
         super_seeder_->ExpireReveals(now - ToNanos(host_.config.super_seed_patience))) {
      if (PeerLink* link = host_.FindLink(reveal.link)) --link->reveals_pending;
    }
    super_seeder_->Refresh(picker_, [&](PieceIndex piece) {
      return std::any_of(links_.begin(), links_.end(), [&](const PeerLink* link) {
        return link->uploads_queued > 0 && host_.uploads.Contains(link->id, piece);
      });
    });
    TellStarving();
    RevealPieces();
  }
  LookForUse();
  DialMore();
  FillRequests();
  const Instant now = host_.Now();
  if (next_announce_ <= now) Announce(AnnounceEvent::kProgress);
  next_maintenance_ =
      IsQuiet() ? RoundUpToGrid(next_announce_) : now + ToNanos(host_.config.maintenance_interval);
  return true;
}

void TorrentSession::CheckStall() {
  if (is_complete()) return;
  const Instant now = host_.Now();
  const int64_t limit = ToNanos(host_.config.stall_limit);
  if (now - std::max(last_payload_, last_stall_report_) < limit) return;
  last_stall_report_ = now;
  host_.env.observer->OnTorrentStalled(id_);
}

bool TorrentSession::IsIdleTooLong() const {
  if (!readers_.empty()) return false;
  const absl::Duration limit =
      is_complete() ? host_.config.idle_seeder_limit : host_.config.idle_leecher_limit;
  return host_.Now() - last_payload_ >= ToNanos(limit);
}

int TorrentSession::WantedPeers() const {
  if (is_complete() || stopped_ || host_.config.max_dialed_links == 0) return 0;
  const int missing = WantedLinks() - static_cast<int>(links_.size());
  const int known = static_cast<int>(candidates_.CountDue(host_.Now()));
  return std::max(missing - known, 0);
}

void TorrentSession::Announce(AnnounceEvent event) {
  const bool complete = is_complete();
  if (complete && event == AnnounceEvent::kProgress) event = AnnounceEvent::kComplete;
  AnnounceRecord record;
  record.key = key_;
  record.event = event;
  record.have = picker_.have().count();
  record.piece_count = layout_.piece_count();
  record.want_peers = WantedPeers();
  record.origin = host_.self.origin;
  ++host_.stats.announces_sent;
  host_.env.announcer->Announce(id_, record);
  const int64_t usual =
      ToNanos(IsQuiet() ? host_.config.quiet_announce_interval : host_.config.announce_interval);
  const int64_t first = ToNanos(host_.config.hungry_announce_interval);
  hungry_nanos_ = record.want_peers == 0 ? 0 : std::clamp(2 * hungry_nanos_, first, usual);
  next_announce_ = host_.Now() + (record.want_peers == 0 ? usual : hungry_nanos_);
}

void TorrentSession::AnnounceAgain() {
  const int64_t within = ToNanos(host_.config.announce_interval);
  const Instant when =
      host_.Now() + static_cast<int64_t>(host_.env.random->Uniform(static_cast<uint64_t>(within)));
  next_announce_ = std::min(next_announce_, when);
  next_maintenance_ = std::min(next_maintenance_, when);
  UpdateDeadline();
}

bool TorrentSession::IsQuiet() const { return links_.empty() && is_complete(); }

void TorrentSession::UpdateDeadline() {
  if (stopped_) return;
  Instant deadline = next_maintenance_;
  if (!pending_haves_.empty() || load_changed_) {
    deadline = std::min(deadline, haves_flushed_at_ + ToNanos(host_.config.have_batch_delay));
  }
  host_.SetDeadline(*this, deadline);
}

void TorrentSession::OnComplete() {
  FlushHaves();
  Announce(AnnounceEvent::kComplete);
  for (size_t i = links_.size(); i-- > 0;) CloseIfUseless(*links_[i]);
  host_.env.observer->OnTorrentComplete(id_);
  if (!readers_.empty()) host_.ResumeBackground();
}

TorrentStats TorrentSession::stats() const {
  TorrentStats stats;
  stats.have = picker_.have().count();
  stats.links = static_cast<int>(links_.size());
  stats.links_dialed = dialed_links_;
  stats.pending_dials = pending_dials_;
  stats.requests = requests_;
  stats.candidates = static_cast<int>(candidates_.size());
  stats.complete = is_complete();
  return stats;
}

void TorrentSession::Prefetch(const PeerLink& link, PieceIndex piece, int step) const {
  switch (step) {
    case 3: {
      link.have.Prefetch(piece);
      constexpr size_t kLine = 64;
      const char* self = reinterpret_cast<const char*>(this);
      for (size_t at = 0; at < sizeof(*this); at += kLine) kraken::Prefetch(self + at);
      break;
    }
    case 4:
      if (IsValid(piece)) picker_.PrefetchAvailability(piece);
      break;
    default:
      if (IsValid(piece)) picker_.PrefetchOrder(piece);
      break;
  }
}

void TorrentSession::CheckInvariants() const {
  picker_.CheckInvariants();
  int requests = 0;
  int pending = 0;
  int dialed = 0;
  int far = 0;
  int far_requests = 0;
  for (const PeerLink* link : links_) {
    KH_CHECK(link->torrent == this && host_.links.Find(link->id) == link);
    KH_CHECK(link->is_open() || (link->requests.empty() && link->uploads_queued == 0));
    requests += static_cast<int>(link->requests.size());
    pending += !link->is_open();
    dialed += link->dialed;
    far += link->is_far && link->is_open();
    far_requests += link->is_far ? static_cast<int>(link->requests.size()) : 0;
    for (const PendingRequest& request : link->requests) {
      KH_CHECK(picker_.Copies(request.piece) > 0 && link->have.Has(request.piece));
      KH_CHECK(picker_.verifiable().Has(request.piece));
    }
  }
  KH_CHECK(requests == requests_ && pending == pending_dials_ && dialed == dialed_links_);
  KH_CHECK(far == far_links_ && far_requests == far_requests_);
  KH_CHECK(links_.size() <= static_cast<size_t>(host_.config.max_links));
  for (PieceIndex piece : picker_.requested()) KH_CHECK(!picker_.have().Has(piece));
}

}  // namespace kraken::swarm
