#include "kraken/swarm/host.h"

#include <algorithm>
#include <utility>

#include "kraken/base/prefetch.h"

namespace kraken::swarm {

Host::Host(const SwarmConfig& config, const PeerInfo& self,
           const Scheduler::Environment& environment)
    : config(config),
      self(self),
      env(environment),
      uploads(config.upload_slots),
      upload_limit_(config.upload_limit, config.limit_burst, Now()),
      download_limit_(config.download_limit, config.limit_burst, Now()) {}

PeerLink* Host::NewLink(TorrentSession& torrent, const PeerInfo& peer) {
  if (!HasRoomForLink()) return nullptr;
  const LinkId id = links.Emplace();
  PeerLink* link = links.Find(id);
  link->id = id;
  link->torrent = &torrent;
  link->peer = peer;
  return link;
}

void Host::FreeLink(PeerLink& link) {
  if (link.uploads_queued > 0) uploads.RemoveLink(link.id);
  links.Erase(link.id);
}

void Host::AwaitLink(TorrentSession& torrent) { awaiting_links_.push_back(torrent.id()); }

void Host::GiveLinks() {
  // Each once: who finds too little room waits again, behind the others.
  for (size_t left = awaiting_links_.size(); left > 0 && HasRoomForLink(); --left) {
    TorrentSession* torrent = torrents.Find(awaiting_links_.front());
    awaiting_links_.pop_front();
    if (torrent != nullptr) torrent->OnRoomForLink();
  }
}

void Host::StartUploads() {
  uploads_resume_ = Instant::Never();
  const Instant now = Now();
  while (const Upload* next = uploads.Next()) {
    if (!upload_limit_.TryTake(next->bytes, now)) {
      uploads_resume_ = upload_limit_.FreeAt(next->bytes, now);
      return;
    }
    const Upload upload = *uploads.StartNext(now);
    ++stats.uploads_started;
    env.network->StartUpload(upload.link, upload.piece);
  }
}

LoadHint Host::UploadLoad() const {
  const Instant now = Now();
  const LoadHint by_rate = uploads.Load(now);
  const LoadHint by_limit =
      LoadHint::OfNanos(static_cast<double>(upload_limit_.NanosFor(uploads.waiting_bytes(), now)));
  return {std::max(by_rate.backlog_micros, by_limit.backlog_micros)};
}

bool Host::CanUpload() const {
  return uploads.HasFreeSlot() && upload_limit_.NanosFor(ByteCount(0), Now()) == 0;
}

bool Host::TakeRequest(TorrentSession& torrent, ByteCount bytes) {
  if (download_limit_.unlimited()) return true;
  const Instant now = Now();
  const bool may = turn_ == &torrent || waiting_turns_.empty();
  if (may && download_limit_.TryTake(bytes, now)) return true;
  if (std::find(waiting_turns_.begin(), waiting_turns_.end(), torrent.id()) ==
      waiting_turns_.end()) {
    waiting_turns_.push_back(torrent.id());
  }
  requests_resume_ = std::min(requests_resume_, download_limit_.FreeAt(bytes, now));
  return false;
}

void Host::ReturnRequest(ByteCount bytes) {
  download_limit_.Return(bytes);
  if (!waiting_turns_.empty()) requests_resume_ = Now();
}

bool Host::IsForegroundBusy() const {
  return readers.Any([this](const Reader& reader) {
    const TorrentSession* torrent = torrents.Find(reader.torrent);
    return !reader.suspended && torrent != nullptr && torrent->requests() > 0;
  });
}

void Host::HoldBack(const TorrentSession& torrent) { held_back_.insert(torrent.id()); }

void Host::ResumeBackground() {
  // Those that still have to wait come back.
  for (TorrentId id : std::exchange(held_back_, {})) {
    if (TorrentSession* torrent = torrents.Find(id)) torrent->OnTurnToRequest();
  }
}

void Host::GiveTurns() {
  requests_resume_ = Instant::Never();
  // Until one has to wait again.
  while (requests_resume_ == Instant::Never() && !waiting_turns_.empty()) {
    auto next = std::find_if(waiting_turns_.begin(), waiting_turns_.end(), [this](TorrentId id) {
      const TorrentSession* torrent = torrents.Find(id);
      return torrent != nullptr && torrent->IsRead();
    });
    if (next == waiting_turns_.end()) next = waiting_turns_.begin();
    TorrentSession* torrent = torrents.Find(*next);
    waiting_turns_.erase(next);
    if (torrent == nullptr) continue;
    turn_ = torrent;
    torrent->OnTurnToRequest();
    turn_ = nullptr;
  }
}

bool Host::IsBanned(const PeerId& peer, Instant now) {
  auto it = banned_until_.find(peer);
  if (it == banned_until_.end()) return false;
  if (it->second > now) return true;
  banned_until_.erase(it);
  return false;
}

void Host::Ban(const PeerInfo& peer, const absl::Status& reason) {
  banned_until_[peer.id] = Now() + ToNanos(config.ban_time);
  ++stats.peers_banned;
  env.observer->OnPeerBanned(peer, reason);
}

void Host::SetDeadline(TorrentSession& torrent, Instant when) {
  if (torrent.deadline() == when) return;
  torrent.set_deadline(when);
  if (when != Instant::Never()) deadlines_.push({.when = when, .torrent = torrent.id()});
}

void Host::UpdateWakeUp() {
  while (!deadlines_.empty()) {
    const Deadline& first = deadlines_.top();
    const TorrentSession* torrent = torrents.Find(first.torrent);
    if (torrent != nullptr && torrent->deadline() == first.when) break;
    deadlines_.pop();
  }
  Instant earliest = deadlines_.empty() ? Instant::Never() : deadlines_.top().when;
  earliest = std::min({earliest, uploads_resume_, requests_resume_});
  if (earliest == wake_up_) return;
  wake_up_ = earliest;
  env.clock->WakeAt(earliest);
}

void Host::RunDeadlines() {
  wake_up_ = Instant::Never();
  const Instant now = Now();
  if (uploads_resume_ <= now) StartUploads();
  if (requests_resume_ <= now) GiveTurns();
  while (!deadlines_.empty() && deadlines_.top().when <= now) {
    const Deadline due = deadlines_.top();
    deadlines_.pop();
    TorrentSession* torrent = torrents.Find(due.torrent);
    if (torrent == nullptr || torrent->deadline() != due.when) continue;
    torrent->set_deadline(Instant::Never());
    if (torrent->OnDeadline()) continue;
    RemoveTorrent(*torrent, AnnounceEvent::kLeave, absl::OkStatus());
    env.observer->OnTorrentEvicted(due.torrent);
  }
}

void Host::PrefetchSelf() const {
  Prefetch(&env);
  Prefetch(&torrents);
  Prefetch(&links);
  Prefetch(&deadlines_);
  Prefetch(&wake_up_);
}

void Host::PrefetchTables(LinkId link) const {
  links.Prefetch(link);
  if (deadlines_.empty()) return;
  Prefetch(&deadlines_.top());
  torrents.Prefetch(TorrentId());
}

void Host::RemoveTorrent(TorrentSession& torrent, AnnounceEvent last_word,
                         const absl::Status& reason) {
  torrent.Stop(last_word, reason);
  torrent_by_key.erase(torrent.key());
  torrents.Erase(torrent.id());
  StartUploads();
}

}  // namespace kraken::swarm
