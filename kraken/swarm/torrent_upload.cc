// What others get of a torrent: pieces, and word of pieces.
#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/swarm/host.h"
#include "kraken/swarm/torrent_session.h"

namespace kraken::swarm {
namespace {

// A seeder's backlog may grow by so many pieces before its peers are told.
constexpr int64_t kUntoldPieces = 4;

}  // namespace

void TorrentSession::OnRequest(PeerLink& link, PieceIndex piece) {
  if (!link.is_open() || !IsValid(piece)) {
    return CloseForProtocolError(
        link, absl::InvalidArgumentError(absl::StrCat("request: piece ", piece.value(), " of ",
                                                      layout_.piece_count().value())));
  }
  ForgetReveal(link, piece);
  if (!have().Has(piece) || link.uploads_queued >= host_.config.max_queued_requests_per_link) {
    ++host_.stats.rejects_sent;
    host_.env.network->SendReject(link.id, piece);
    return;
  }
  if (link.uploads_queued > 0 && host_.uploads.Contains(link.id, piece)) return;
  if (super_seeder_ != nullptr) super_seeder_->MarkOut(piece);
  host_.uploads.Enqueue(link.id, piece, layout_.LengthOf(piece));
  ++link.uploads_queued;
  ++uploads_queued_;
  host_.StartUploads();
  NoteLoad();
  UpdateDeadline();
}

void TorrentSession::OnCancel(PeerLink& link, PieceIndex piece) {
  if (!link.is_open() || !IsValid(piece)) {
    return CloseForProtocolError(
        link, absl::InvalidArgumentError(absl::StrCat("cancel: piece ", piece.value(), " of ",
                                                      layout_.piece_count().value())));
  }
  if (host_.uploads.RemoveWaiting(link.id, piece)) {
    DropUpload(link);
    RevealPieces();
  } else if (host_.uploads.IsActive(link.id, piece)) {
    host_.env.network->StopUpload(link.id, piece);
  }
}

void TorrentSession::OnUploadFinished(PeerLink& link, PieceIndex piece) {
  if (!host_.uploads.Finish(link.id, piece, /*completed=*/true, host_.Now())) return;
  DropUpload(link);
  last_payload_ = host_.Now();
  ++host_.stats.uploads_done;
  host_.stats.bytes_uploaded += static_cast<uint64_t>(layout_.LengthOf(piece).value());
  host_.StartUploads();
  NoteLoad();
  RevealPieces();
  UpdateDeadline();
}

void TorrentSession::DropUpload(PeerLink& link) {
  --link.uploads_queued;
  --uploads_queued_;
}

void TorrentSession::NoteLoad() {
  if (super_seeder_ != nullptr) return;
  const Instant now = host_.Now();
  const int64_t believed = std::max<int64_t>(told_backlog_nanos_ - (now - haves_flushed_at_), 0);
  const int64_t truth = host_.UploadLoad().backlog_micros * kNanosPerMicro;
  const int64_t piece_nanos =
      piece_nanos_ != 0 ? piece_nanos_ / 2 : ToNanos(host_.config.have_batch_delay);
  const bool is_free = host_.CanUpload() && believed - truth >= piece_nanos;
  // A leecher's next HAVE says so soon enough.
  const bool is_busy = is_complete() && truth - believed >= kUntoldPieces * piece_nanos;
  if (!is_free && !is_busy) return;
  load_changed_ = true;
  if (now - haves_flushed_at_ >= ToNanos(host_.config.have_batch_delay)) FlushHaves();
}

void TorrentSession::QueueHave(PieceIndex piece) {
  pending_haves_.push_back(piece);
  if (host_.Now() - haves_flushed_at_ >= ToNanos(host_.config.have_batch_delay)) FlushHaves();
}

void TorrentSession::FlushHaves() {
  const Instant now = host_.Now();
  have_recipients_.clear();
  for (const PeerLink* link : links_) {
    if (link->state == PeerLink::State::kDialing || link->IsComplete() || !link->told_all) continue;
    have_recipients_.push_back(link->id);
  }
  if (!have_recipients_.empty()) {
    const LoadHint load = host_.UploadLoad();
    told_backlog_nanos_ = load.backlog_micros * kNanosPerMicro;
    host_.stats.haves_sent += have_recipients_.size();
    host_.env.network->SendHave(have_recipients_, pending_haves_, load);
  }
  pending_haves_.clear();
  load_changed_ = false;
  haves_flushed_at_ = now;
}

void TorrentSession::ForgetReveal(PeerLink& link, PieceIndex piece) {
  if (link.reveals_pending > 0 && super_seeder_->RemoveReveal(link.id, piece)) {
    --link.reveals_pending;
  }
}

void TorrentSession::RevealPieces() {
  if (super_seeder_ == nullptr || stopped_) return;
  const int window =
      began_complete_ ? host_.config.super_seed_window : host_.config.super_seed_arriving_window;
  while (static_cast<int>(super_seeder_->reveal_count()) + uploads_queued_ < window) {
    if (!RevealOne()) return;
  }
}

bool TorrentSession::RevealOne() {
  const absl::optional<PieceIndex> piece = super_seeder_->TakeFresh(picker_);
  if (!piece.has_value()) return false;
  PeerLink* link = PeerToTell(*piece);
  if (link == nullptr) {
    super_seeder_->PutBack(*piece);
    return false;
  }
  super_seeder_->AddReveal(link->id, *piece, host_.Now());
  ++link->reveals_pending;
  ++host_.stats.haves_sent;
  host_.env.network->SendHave({link->id}, {*piece}, host_.UploadLoad());
  return true;
}

// The peer that we burden least, of those that can be told; by chance among equals.
PeerLink* TorrentSession::PeerToTell(PieceIndex piece) {
  PeerLink* best = nullptr;
  int best_burden = 0;
  uint64_t ties = 0;
  for (PeerLink* link : links_) {
    if (!link->is_open() || link->told_all || link->have.Has(piece)) continue;
    const int burden = link->reveals_pending + link->uploads_queued;
    if (best != nullptr && burden > best_burden) continue;
    if (best == nullptr || burden < best_burden) ties = 0;
    best_burden = burden;
    if (host_.env.random->Uniform(++ties) == 0) best = link;
  }
  return best;
}

// A peer that has had nothing new for long, although there is something out that it lacks, is not
// served well by its other peers: it is told of everything.
void TorrentSession::TellStarving() {
  const Instant now = host_.Now();
  const int64_t patience = ToNanos(host_.config.super_seed_starvation);
  if (now - out_counted_at_ >= patience) {
    settled_out_ = recently_out_;
    recently_out_ = have().count().value() - static_cast<int32_t>(super_seeder_->fresh_count() +
                                                                  super_seeder_->reveal_count());
    out_counted_at_ = now;
  }
  for (PeerLink* link : links_) {
    if (!link->is_open() || link->told_all || now - link->last_news < patience) continue;
    if (link->have.count().value() < settled_out_) TellAll(*link);
  }
}

void TorrentSession::CloseOpenPeers() {
  has_open_peers_ = false;
  for (PeerLink* link : links_) link->told_all = AreOrigins(*link);
}

void TorrentSession::TellAll(PeerLink& link) {
  link.told_all = true;
  std::vector<PieceIndex> pieces;
  have().ForEach([&](PieceIndex piece) {
    if (!link.have.Has(piece)) pieces.push_back(piece);
  });
  ++host_.stats.haves_sent;
  host_.env.network->SendHave({link.id}, pieces, host_.UploadLoad());
}

}  // namespace kraken::swarm
