#include "kraken/sim/checkers.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace kraken::sim {
namespace {

using swarm::kNanosPerMilli;
using swarm::kNanosPerSecond;

// A torrent that gets nothing for so long, though it could, is stuck: a few times what the engine's
// longest time-out, or a tracker's lease and an announce, take.
constexpr int64_t kStuckNanos = 60 * kNanosPerSecond;

// Of one announce interval, and of one wake-up.
constexpr int64_t kAnnounceNanos = 6 * kNanosPerSecond;
constexpr int64_t kSweepNanos = 2 * kNanosPerSecond;

bool Includes(const swarm::PieceMap& all, const swarm::PieceMap& some) {
  const absl::Span<const uint64_t> a = all.words();
  const absl::Span<const uint64_t> b = some.words();
  for (size_t i = 0; i < b.size(); ++i) {
    if ((b[i] & ~a[i]) != 0) return false;
  }
  return true;
}

}  // namespace

int64_t Checkers::SettleNanos() const { return 2 * world_.LongestLatency() + 20 * kNanosPerMilli; }

void Checkers::Run() {
  for (uint32_t end = 0; end < world_.end_count(); end += 2) CheckLink(end);
  for (uint32_t number = 0; number < world_.host_count(); ++number) {
    SimHost& host = world_.host(number);
    if (!host.alive()) continue;
    host.Check();
    CheckTorrents(host);
  }
  CheckTracker();
}

void Checkers::CheckLink(uint32_t dialer) {
  const LinkEnd& near = world_.end(dialer);
  const LinkEnd& far = world_.end(World::OtherEnd(dialer));
  if (near.closed && far.closed) return;
  if (!near.id.is_valid() || !far.id.is_valid()) return;
  if (!world_.host(near.host).alive() || !world_.host(far.host).alive()) return;
  const int64_t last_change =
      std::max({near.changed_at, far.changed_at, world_.EndOfLastCut(near.host, far.host)});
  if (world_.now() - last_change <= SettleNanos()) return;
  if (near.closed || far.closed) {
    return world_.Report(absl::StrCat("hosts ", near.host, " and ", far.host,
                                      ": one has closed their link, the other has not"));
  }
  CheckKnowledge(dialer, World::OtherEnd(dialer));
  CheckKnowledge(World::OtherEnd(dialer), dialer);
}

// Whether the host of `to` knows what the host of `from` has had for long.
void Checkers::CheckKnowledge(uint32_t from, uint32_t to) {
  SimHost& knows = world_.host(world_.end(to).host);
  SimHost& has = world_.host(world_.end(from).host);
  // One that super-seeds does not tell, and one that has everything is not told.
  const SimHost::Torrent& known = knows.torrents()[world_.end(to).torrent];
  const SimHost::Torrent& there = has.torrents()[world_.end(from).torrent];
  if (has.config().super_seed || known.truth.IsFull()) return;
  if (world_.now() - there.settled_at <= SettleNanos()) return;
  const swarm::PieceMap* told = knows.engine()->HaveOf(world_.end(to).id);
  if (told != nullptr && Includes(*told, there.settled)) return;
  world_.Report(absl::StrCat("host ", knows.number(), ": does not know what host ", has.number(),
                             " has had for long"));
}

void Checkers::CheckTorrents(SimHost& host) {
  const int64_t now = world_.now();
  for (SimHost::Torrent& torrent : host.torrents()) {
    const int64_t revoked_at = world_.RevokedAt(torrent.key);
    if (revoked_at > 0) {
      CheckRevoked(host, torrent, revoked_at);
      continue;
    }
    if (now - torrent.settled_at > SettleNanos()) {
      torrent.settled = torrent.truth;
      torrent.settled_at = now;
    }
    if (torrent.truth.IsFull() || now - torrent.progress_at <= kStuckNanos) continue;
    if (!CouldProgress(host, torrent)) {
      torrent.progress_at = now;  // Nobody's fault.
    } else {
      world_.Report(absl::StrCat(
          "host ", host.number(), ": got nothing for a minute, has ", torrent.truth.count().value(),
          " of ", torrent.truth.size().value(), " pieces, and ", torrent.links, " links"));
    }
  }
}

void Checkers::CheckRevoked(const SimHost& host, const SimHost::Torrent& torrent,
                            int64_t revoked_at) {
  if (!torrent.id.is_valid() || !world_.ReachesTracker(host.number())) return;
  const int64_t could_know_since = std::max({revoked_at, world_.tracker_since(), torrent.added_at,
                                             world_.EndOfLastCutFromTracker(host.number())});
  if (world_.now() - could_know_since <= kAnnounceNanos + SettleNanos()) return;
  world_.Report(absl::StrCat("host ", host.number(), ": still has a list that was revoked"));
}

// Somebody who can be reached has a piece that the torrent lacks, and it could be written. Who has
// neither links nor a tracker can't know whom to ask.
bool Checkers::CouldProgress(const SimHost& host, const SimHost::Torrent& torrent) {
  const int64_t long_ago = world_.now() - kStuckNanos;
  if (host.disk_full() || !torrent.id.is_valid()) return false;
  const bool tracked = world_.tracker_since() >= 0 && world_.tracker_since() < long_ago &&
                       world_.EndOfLastCutFromTracker(host.number()) < long_ago;
  if (!tracked && torrent.links == 0) return false;
  for (uint32_t number = 0; number < world_.host_count(); ++number) {
    SimHost& other = world_.host(number);
    if (number == host.number() || !other.alive() || other.spec().mute) continue;
    if (other.spec().corruption > 0) continue;
    if (world_.EndOfLastCut(host.number(), number) >= long_ago) continue;
    const SimHost::Torrent* theirs = other.FindTorrent(torrent.key);
    if (theirs == nullptr || !theirs->id.is_valid()) continue;
    if (!Includes(torrent.truth, theirs->settled)) return true;
  }
  return false;
}

// Every torrent that has had the time to announce itself is there, and nothing that has been gone
// for longer than a lease.
void Checkers::CheckTracker() {
  const int64_t now = world_.now();
  const int64_t lease = swarm::ToNanos(world_.config().hand_out.lease);
  const int64_t since = world_.tracker_since();
  if (since < 0 || (since > 0 && now - since <= kAnnounceNanos + SettleNanos())) return;
  size_t least = 0;
  size_t most = 0;
  for (uint32_t number = 0; number < world_.host_count(); ++number) {
    const SimHost& host = world_.host(number);
    const int64_t cut = world_.EndOfLastCutFromTracker(number);
    const bool heard = cut == 0 || now - cut > kAnnounceNanos + SettleNanos();
    for (const SimHost::Torrent& torrent : host.torrents()) {
      const bool is_there = host.alive() && torrent.id.is_valid();
      const bool settled = now - torrent.added_at > SettleNanos();
      least += is_there && heard && settled;
      const int64_t left = std::max(host.died_at(), torrent.removed_at);
      most += is_there || now - left <= lease + kSweepNanos + SettleNanos();
    }
  }
  const size_t entries = world_.tracker_entries();
  if (entries < least || entries > most) {
    world_.Report(absl::StrCat("the tracker knows of ", entries, " torrents of hosts; there are ",
                               least, " to ", most));
  }
}

}  // namespace kraken::sim
