#ifndef KRAKEN_SIM_SIM_HOST_H_
#define KRAKEN_SIM_SIM_HOST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "kraken/base/random.h"
#include "kraken/sim/sim_config.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/swarm/piece_map.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::sim {

class World;

// One side of a link. The other side is the number with the last bit flipped. Numbers are never
// used twice, so an event for a link that is gone finds it closed.
struct LinkEnd {
  uint32_t host = 0;
  // The engine's name for it; invalid until the engine has named it.
  swarm::LinkId id;
  // Closed here: the engine hears no more of it.
  bool closed = false;
  // When the last message arrives here.
  int64_t last_arrival = 0;
  // Pieces that are sent out of this end.
  absl::InlinedVector<uint32_t, 2> transfers;
};

// One host: the real engine, and the environment that the engine sees. Also a checker: it keeps its
// own books of what really arrived, and aborts when the engine steps over a limit or serves a piece
// that is not there.
class SimHost : private swarm::Network,
                private swarm::Announcer,
                private swarm::SwarmClock,
                private swarm::SwarmObserver {
 public:
  struct Torrent {
    swarm::TorrentKey key;
    swarm::TorrentId id;
    int64_t joined_at = 0;
    int64_t completed_at = -1;
    // What really arrived and was right.
    swarm::PieceMap truth;
    storage::PieceLayout layout;
  };

  // `world` outlives it. `number`: of this host.
  SimHost(World* world, uint32_t number, const HostSpec& spec, uint64_t seed);
  ~SimHost() override;

  uint32_t number() const { return number_; }
  const HostSpec& spec() const { return spec_; }
  const swarm::PeerInfo& peer() const { return peer_; }
  bool alive() const { return engine_ != nullptr; }
  // Null when dead.
  swarm::Scheduler* engine() { return engine_.get(); }

  // Takes part in the swarm from now on, with all pieces or with none.
  void Join(const Digest& digest, const storage::PieceLayout& layout, bool complete);
  // A piece arrives from outside the swarm.
  void AddLocalPiece(const swarm::TorrentKey& key, PieceIndex piece);
  const std::vector<Torrent>& torrents() const { return torrents_; }
  bool HasAll() const { return incomplete_ == 0; }
  // When the last torrent was complete. REQUIRES: HasAll().
  int64_t CompletedAt() const;
  int64_t JoinedAt() const { return torrents_.front().joined_at; }

  // Ends the engine. Links are the world's business.
  void Die();
  // Ends of links that are open here.
  std::vector<uint32_t> OpenEnds() const;

  // ---- From the world ----
  void OnWake(uint32_t wake_number);
  void BindLink(swarm::LinkId link, uint32_t end);
  void OnTrackerPeers(const swarm::TorrentKey& key, absl::Span<const swarm::PeerInfo> peers);
  void AnnounceAgain() {
    if (alive()) engine_->AnnounceAgain();
  }
  void OnUploadDone(uint32_t end, PieceIndex piece);
  void OnPieceStarted(uint32_t end, PieceIndex piece, int64_t bytes);
  void OnPieceArrived(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt);
  void OnPieceAborted(uint32_t end, PieceIndex piece, int64_t bytes);

  // Aborts unless the engine's books agree with the host's own, and its limits hold.
  void Check() const;
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
  void OnPieceAvailable(swarm::TorrentId torrent, PieceIndex piece) override;
  void OnTorrentComplete(swarm::TorrentId torrent) override;
  void OnTorrentStalled(swarm::TorrentId torrent) override;
  void OnTorrentEvicted(swarm::TorrentId torrent) override;
  void OnPeerBanned(const swarm::PeerInfo& peer, const absl::Status& reason) override;

  const swarm::SwarmConfig& config() const;
  void CheckUploadLimit(int64_t bytes, int64_t piece_length);
  Torrent& TorrentOf(swarm::TorrentId id);
  uint32_t EndOf(swarm::LinkId link) const;
  // The torrent that a link is of.
  Torrent& TorrentOfEnd(uint32_t end);

  World* world_;
  const uint32_t number_;
  const HostSpec spec_;
  swarm::PeerInfo peer_;
  SeededBitGen random_;
  // For faults, so that they leave the engine's draws alone.
  SeededBitGen fault_random_;
  std::unique_ptr<swarm::Scheduler> engine_;
  swarm::SwarmStats last_stats_;
  std::vector<Torrent> torrents_;
  int incomplete_ = 0;
  // By slot of the LinkId.
  struct Bound {
    swarm::LinkId link;
    uint32_t end = 0;
  };
  std::vector<Bound> bound_;
  // Bytes sent beyond the limit on uploads, running off at its rate, as of a time.
  double upload_excess_ = 0;
  int64_t upload_excess_at_ = 0;
  std::vector<uint32_t> send_ends_;  // Kept for its capacity.
  uint32_t wake_number_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SIM_HOST_H_
