#include "kraken/swarm/host.h"

#include <utility>

namespace kraken::swarm {

Host::Host(const SwarmConfig& config, const PeerInfo& self,
           const Scheduler::Environment& environment)
    : config(config), self(self), env(environment), uploads(config.upload_slots) {}

PeerLink* Host::NewLink(TorrentSession& torrent, const PeerInfo& peer) {
  if (!HasRoomForLink()) return nullptr;
  const LinkId id = links.Emplace();
  PeerLink* link = links.Find(id);
  link->id = id;
  link->torrent = &torrent;
  link->peer = peer;
  return link;
}

PeerLink* Host::FindLink(LinkId id) { return links.Find(id); }

void Host::FreeLink(PeerLink& link) {
  uploads.RemoveLink(link.id);
  links.Erase(link.id);
}

void Host::StartUploads() {
  while (absl::optional<Upload> upload = uploads.StartNext(Now())) {
    ++stats.uploads_started;
    env.network->StartUpload(upload->link, upload->piece);
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
  const Instant earliest = deadlines_.empty() ? Instant::Never() : deadlines_.top().when;
  if (earliest == wake_up_) return;
  wake_up_ = earliest;
  env.clock->WakeAt(earliest);
}

void Host::RunDeadlines() {
  wake_up_ = Instant::Never();
  const Instant now = Now();
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

void Host::RemoveTorrent(TorrentSession& torrent, AnnounceEvent last_word,
                         const absl::Status& reason) {
  torrent.Stop(last_word, reason);
  torrent_by_key.erase(torrent.key());
  torrents.Erase(torrent.id());
  StartUploads();
}

}  // namespace kraken::swarm
