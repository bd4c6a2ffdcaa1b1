#ifndef KRAKEN_SWARM_HOST_H_
#define KRAKEN_SWARM_HOST_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <queue>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/bandwidth_limit.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_link.h"
#include "kraken/swarm/scheduler.h"
#include "kraken/swarm/slot_table.h"
#include "kraken/swarm/stats.h"
#include "kraken/swarm/torrent_session.h"
#include "kraken/swarm/upload_queue.h"

namespace kraken::swarm {

// A client that reads a torrent in order.
struct Reader {
  TorrentId torrent;
  // Of its next byte; the number of pieces when it has all.
  PieceIndex cursor;
  bool suspended = false;
};

// What the torrents of one host share: links, upload slots, bans, deadlines. The inside of
// Scheduler, which is its door. Not thread safe.
class Host {
 public:
  Host(const SwarmConfig& config, const PeerInfo& self, const Scheduler::Environment& environment);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  Instant Now() const { return env.clock->Now(); }

  // ---- Links ----

  // Null if there is no room for another.
  PeerLink* NewLink(TorrentSession& torrent, const PeerInfo& peer);
  PeerLink* FindLink(LinkId id) const { return links.Find(id); }
  // Forgets the link and drops its uploads; the network has been told or knows.
  void FreeLink(PeerLink& link);
  bool HasRoomForLink() const { return links.size() < static_cast<size_t>(config.max_total_links); }
  // `torrent` knows whom to dial, and there is no room. OnRoomForLink is called when there is:
  // first come, first served.
  void AwaitLink(TorrentSession& torrent);
  // Lets those dial who wait for room. At the end of each input.
  void GiveLinks();

  // ---- Uploads ----

  // Starts what the free slots and the limit allow.
  void StartUploads();
  // How long all that was asked for will take.
  LoadHint UploadLoad() const;
  // Something could be sent at once.
  bool CanUpload() const;

  // ---- Requests ----

  // Whether `torrent` may ask for so many bytes now. If not, OnTurnToRequest is called when it may:
  // torrents take turns, those that somebody reads before the others.
  bool TakeRequest(TorrentSession& torrent, ByteCount bytes);
  // Bytes that were asked for and will not come.
  void ReturnRequest(ByteCount bytes);
  // Pieces of a torrent that somebody reads are under way: those in the background hold back.
  bool IsForegroundBusy() const;
  // `torrent` is one of them: OnTurnToRequest is called when it may go on.
  void HoldBack(const TorrentSession& torrent);
  // The foreground may be busy no more.
  void ResumeBackground();

  // ---- Bans ----

  bool IsBanned(const PeerId& peer, Instant now);
  void Ban(const PeerInfo& peer, const absl::Status& reason);

  // ---- Deadlines ----

  // `torrent` wants OnDeadline at `when` or soon after; replaces what it wanted before.
  void SetDeadline(TorrentSession& torrent, Instant when);
  // Tells the clock about the earliest deadline if that has changed. At the end of each input.
  void UpdateWakeUp();
  void RunDeadlines();

  // The first steps of Scheduler::Prefetch.
  void PrefetchSelf() const;
  void PrefetchTables(LinkId link) const;

  // Removes the torrent from the engine.
  void RemoveTorrent(TorrentSession& torrent, AnnounceEvent last_word, const absl::Status& reason);

  const SwarmConfig config;
  const PeerInfo self;
  const Scheduler::Environment env;
  SwarmStats stats;
  UploadQueue uploads;
  SlotTable<TorrentSession, TorrentId> torrents;
  SlotTable<PeerLink, LinkId> links;
  SlotTable<Reader, ReaderId> readers;
  absl::flat_hash_map<TorrentKey, TorrentId> torrent_by_key;

 private:
  struct Deadline {
    Instant when;
    TorrentId torrent;
    bool operator>(const Deadline& other) const {
      return when != other.when ? when > other.when : torrent > other.torrent;
    }
  };

  void GiveTurns();

  // Torrents that wait for room for a link; ids of torrents that are gone too.
  std::deque<TorrentId> awaiting_links_;
  absl::flat_hash_map<PeerId, Instant> banned_until_;
  BandwidthLimit upload_limit_;
  BandwidthLimit download_limit_;
  // When the limits let the next one through, if one waits.
  Instant uploads_resume_ = Instant::Never();
  Instant requests_resume_ = Instant::Never();
  // Torrents that wait for their turn to ask; ids of torrents that are gone too.
  std::vector<TorrentId> waiting_turns_;
  // Torrents that hold back; ids of torrents that are gone too.
  absl::btree_set<TorrentId> held_back_;
  // Whose turn it is.
  const TorrentSession* turn_ = nullptr;
  // Holds stale entries too: one counts only if it is what its torrent wants now.
  std::priority_queue<Deadline, std::vector<Deadline>, std::greater<Deadline>> deadlines_;
  Instant wake_up_ = Instant::Never();
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_HOST_H_
