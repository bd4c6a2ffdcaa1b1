#ifndef KRAKEN_SIM_SIM_HOST_H_
#define KRAKEN_SIM_SIM_HOST_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/base/prefetch.h"
#include "kraken/base/random.h"
#include "kraken/sim/sim_config.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::sim {

class World;

// One side of a link. The other side is the number with the last bit flipped. Numbers are never
// used twice, so an event for a link that is gone finds it closed.
struct alignas(64) LinkEnd {
  // A piece that this side asked for, and when, or when its payload began.
  struct Request {
    PieceIndex piece;
    int64_t since = 0;
    bool started = false;
  };

  uint32_t host = 0;
  // Of the host's torrents, once the engine has named the link.
  uint32_t torrent = 0;
  // The engine's name for it; invalid until the engine has named it.
  swarm::LinkId id;
  // When the last message arrives here.
  int64_t last_arrival = 0;
  // When the engine named it or it was closed, whatever came last.
  int64_t changed_at = 0;
  // Closed here: the engine hears no more of it.
  bool closed = false;
  // Pieces that are sent out of this end.
  absl::InlinedVector<uint32_t, 2> transfers;

  // The host's own books, which the engine's deeds are held against.
  absl::InlinedVector<Request, 2> requests;
  // What the other side asked for and is neither answered nor being sent.
  absl::InlinedVector<PieceIndex, 2> waiting;
};

// One host: the real engine, and the environment that the engine sees. Also a checker: it keeps its
// own books of what really arrived, and reports when the engine steps over a limit or serves a
// piece that is not there.
//
// Above the engine it does what a node does: a client reads each torrent in order and gets the last
// byte when all is here; a write that fails fails the torrent and its client, who comes back a
// second later; a revoked list is dropped with all that came of it.
class SimHost : private swarm::Network,
                private swarm::Announcer,
                private swarm::SwarmClock,
                private swarm::SwarmObserver {
 public:
  enum class Client : uint8_t { kNone, kReading, kEnded, kFailed };

  struct Torrent {
    swarm::TorrentKey key;
    // Invalid while the engine does not have it.
    swarm::TorrentId id;
    int64_t joined_at = 0;
    // < 0: not complete.
    int64_t completed_at = -1;
    // What has arrived here and was right, whatever the engine says.
    swarm::PieceMap truth;
    storage::PieceLayout layout;
    // When a piece came last, or nothing could.
    int64_t progress_at = 0;
    // What was here at some time; old enough for every peer to know.
    swarm::PieceMap settled;
    int64_t settled_at = 0;
    // When the engine got it last, and when it gave it up; 0: never.
    int64_t added_at = 0;
    int64_t removed_at = 0;
    // Open links, and those that this side dialled.
    int links = 0;
    int dialed = 0;
    int requests = 0;
    bool revoked = false;
    Client client = Client::kNone;
    swarm::ReaderId reader;
    int client_failures = 0;
  };

  // `world` outlives it. `number`: of this host.
  SimHost(World* world, uint32_t number, const HostSpec& spec, uint64_t seed);
  ~SimHost() override;

  uint32_t number() const { return number_; }
  const HostSpec& spec() const { return spec_; }
  const swarm::SwarmConfig& config() const { return config_; }
  const swarm::PeerInfo& peer() const { return peer_; }
  bool alive() const { return engine_ != nullptr; }
  // REQUIRES: it is not alive.
  int64_t died_at() const { return died_at_; }
  // Null when dead.
  swarm::Scheduler* engine() { return engine_.get(); }
  // Fetches into the cache what the engine's clock reads.
  void PrefetchClock() const {
    Prefetch(static_cast<const swarm::SwarmClock*>(this));
    Prefetch(&world_);
  }

  // Takes part in the swarm from now on, with all pieces or with none.
  void Join(const Digest& digest, const storage::PieceLayout& layout, bool complete);
  // From now on each torrent here has a client.
  void StartClients();
  // A piece arrives from outside the swarm.
  void AddLocalPiece(const swarm::TorrentKey& key, PieceIndex piece);
  const std::vector<Torrent>& torrents() const { return torrents_; }
  // For checkers, which keep notes there.
  std::vector<Torrent>& torrents() { return torrents_; }
  // All that was not revoked.
  bool HasAll() const { return incomplete_ == 0; }
  // When the last torrent was complete. REQUIRES: HasAll().
  int64_t CompletedAt() const;
  int64_t JoinedAt() const { return torrents_.front().joined_at; }
  // Null if there is none.
  Torrent* FindTorrent(const swarm::TorrentKey& key);

  // While it is full the disk takes nothing.
  void SetDiskFull(bool full) { disk_full_ = full; }
  bool disk_full() const { return disk_full_; }

  // Leaves its swarms properly. Die() follows.
  void Leave();
  // Ends the engine. Links are the world's business.
  void Die();
  // Ends of links that are open here.
  std::vector<uint32_t> OpenEnds() const;

  // ---- From the world ----
  void OnWake(uint32_t wake_number);
  void BindLink(swarm::LinkId link, uint32_t end_number);
  // The end has been marked as closed.
  void UnbindLink(uint32_t end_number);
  void OnTrackerPeers(const swarm::TorrentKey& key, absl::Span<const swarm::PeerInfo> peers);
  void AnnounceAgain() {
    if (alive()) engine_->AnnounceAgain();
  }
  void OnRevoked(const swarm::TorrentKey& key);
  void OnLinkClosed(uint32_t end, const absl::Status& reason);
  void OnRequest(uint32_t end, PieceIndex piece);
  void OnCancel(uint32_t end, PieceIndex piece);
  void OnReject(uint32_t end, PieceIndex piece);
  void OnUploadDone(uint32_t end, PieceIndex piece);
  void OnPieceStarted(uint32_t end, PieceIndex piece, int64_t bytes);
  void OnPieceArrived(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt);
  void OnPieceAborted(uint32_t end, PieceIndex piece, int64_t bytes);

  // Reports unless the engine's books agree with the host's own; aborts if those of the engine do
  // not agree with themselves.
  void Check();
  // After the end: compares with the engine's word what the host has really.
  swarm::SwarmStats stats() const { return alive() ? engine_->stats() : last_stats_; }

 private:
  // swarm::Network
  void Dial(swarm::LinkId link, const swarm::TorrentKey& key, const swarm::PeerInfo& peer) override;
  void SendHandshake(swarm::LinkId link, const swarm::Handshake& handshake) override;
  void Accept(swarm::IncomingId incoming, swarm::LinkId link,
              const swarm::Handshake& handshake) override;
  void SendHave(absl::Span<const swarm::LinkId> links, absl::Span<const PieceIndex> pieces,
                swarm::LoadHint load) override;
  void SendRequest(swarm::LinkId link, PieceIndex piece) override;
  void SendCancel(swarm::LinkId link, PieceIndex piece) override;
  void SendReject(swarm::LinkId link, PieceIndex piece) override;
  void StartUpload(swarm::LinkId link, PieceIndex piece) override;
  void StopUpload(swarm::LinkId link, PieceIndex piece) override;
  void Close(swarm::LinkId link, const absl::Status& reason) override;

  // swarm::Announcer
  void Announce(swarm::TorrentId torrent, const swarm::AnnounceRecord& record) override;

  // swarm::SwarmClock
  swarm::Instant Now() const override;
  void WakeAt(swarm::Instant when) override;

  // swarm::SwarmObserver
  void OnPieceAvailable(swarm::TorrentId id, PieceIndex piece) override;
  void OnTorrentComplete(swarm::TorrentId id) override;
  void OnTorrentStalled(swarm::TorrentId torrent) override;
  void OnTorrentEvicted(swarm::TorrentId id) override;
  void OnPeerBanned(const swarm::PeerInfo& peer, const absl::Status& reason) override;

  // Reports `what` unless it holds; returns whether it does.
  bool Expect(bool holds, absl::string_view what);
  bool Strikes(MutationKind kind);
  // Bytes beyond a limit, running off at its rate, as of a time.
  struct Excess {
    double bytes = 0;
    int64_t at = 0;
  };
  // `bytes` go now; false if that is more than a bucket of the limit's burst, or one piece, allows.
  bool StaysWithin(int64_t limit, Excess& excess, int64_t bytes, int64_t piece_length) const;
  void AddToEngine(Torrent& torrent);
  void RemoveFromEngine(Torrent& torrent, const absl::Status& reason);
  // Somebody still wants it, and asks again.
  void AddAgainLater(size_t index);
  void StartClient(Torrent& torrent);
  void ReadOn(size_t index);
  void FailForDisk(size_t index);
  void Finish(Torrent& torrent);
  Torrent* TorrentOf(swarm::TorrentId id);
  uint32_t EndOf(swarm::LinkId link) const;
  // The torrent that a link is of.
  Torrent& TorrentOfEnd(uint32_t end);
  // Takes the request off the books; false if it was not there.
  bool EndRequest(uint32_t end, PieceIndex piece);
  // Nobody waits for it any more.
  void EndWait(uint32_t end, PieceIndex piece);

  World* world_;
  const uint32_t number_;
  const HostSpec spec_;
  const swarm::SwarmConfig config_;
  swarm::PeerInfo peer_;
  SeededBitGen random_;
  // For faults, so that they leave the engine's draws alone.
  SeededBitGen fault_random_;
  std::unique_ptr<swarm::Scheduler> engine_;
  swarm::SwarmStats last_stats_;
  std::vector<Torrent> torrents_;
  absl::flat_hash_map<swarm::TorrentKey, uint32_t> torrent_by_key_;
  // Of torrents_, by slot of the TorrentId.
  std::vector<uint32_t> torrent_by_slot_;
  int incomplete_ = 0;
  int64_t died_at_ = 0;
  bool disk_full_ = false;
  bool has_clients_ = false;
  // By slot of the LinkId.
  struct Bound {
    swarm::LinkId link;
    uint32_t end = 0;
  };
  std::vector<Bound> bound_;
  int links_ = 0;
  Excess sent_;
  // Of what was asked for; what will not come does not count.
  Excess asked_;
  std::vector<uint32_t> send_ends_;  // Kept for its capacity.
  uint32_t wake_number_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SIM_HOST_H_
