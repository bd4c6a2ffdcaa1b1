#ifndef KRAKEN_TRACKER_ANNOUNCE_HUB_H_
#define KRAKEN_TRACKER_ANNOUNCE_HUB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/random.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/metainfo_relay.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/tracker/agent_orders.h"
#include "kraken/tracker/peer_store.h"
#include "kraken/tracker/tracker_config.h"

namespace kraken::tracker {

struct AnnounceHubStats {
  uint64_t records = 0;
  uint64_t refused = 0;     // streams ended for what they sent
  uint64_t silent = 0;      // streams ended for what they did not send
  uint64_t over_limit = 0;  // records of peers that are in too many swarms
  size_t streams = 0;
  size_t swarms = 0;
  size_t peers = 0;
  size_t blobs = 0;
  AgentOrdersStats orders;
};

// Hears of blobs on behalf of peers of Kraken's version 1.
class KrakenNewsObserver {
 public:
  virtual ~KrakenNewsObserver() = default;
  // OK: what version 1 knows of the blob is known now (MetainfoRelay::FindKraken). Else there is no
  // metainfo to be had.
  virtual void OnKrakenNews(const Digest& digest, const absl::Status& status) = 0;
};

// The tracker's core: takes announces, hands out peers, passes metainfo on, and pushes what is new.
// With a store it knows the peers of other trackers too. Belongs to its loop's thread.
class AnnounceHub final : public rpc::AnnounceHandler,
                          public PeerStoreObserver,
                          private daemon::RelayObserver {
 public:
  // All outlive it.
  AnnounceHub(net::EventLoop* loop, rpc::OriginClient* origins, cluster::ClusterMonitor* cluster,
              const TrackerServerConfig& config);
  ~AnnounceHub() override;

  void OnAnnounce(const std::shared_ptr<rpc::AnnounceOutlet>& stream,
                  rpc::v1::AnnounceRequest request) override;
  void OnStreamClosed(const std::shared_ptr<rpc::AnnounceOutlet>& stream) override;
  void OnOrder(rpc::v1::OrderRequest request, std::shared_ptr<rpc::OrderOutlet> outlet) override;
  void OnOrderClosed(const std::shared_ptr<rpc::OrderOutlet>& outlet) override;

  // What this hub's peers announce is shared there from now on. Outlives the hub, or is taken away
  // (null).
  void SetStore(PeerStore* store) { store_ = store; }

  // Ends every stream, so that peers look for another tracker at once, and every order. What the
  // store knows of peers stays there.
  void EndStreams();

  // PeerStoreObserver:
  void OnStoreUp() override;
  void OnSharedPeers(const swarm::TorrentKey& key,
                     const std::vector<rpc::v1::Peer>& peers) override;
  void OnSharedPeerCame(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) override;
  void OnSharedPeerLeft(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) override;

  // ---- For peers of Kraken's version 1, which have no stream (KrakenHub) ----

  // Outlives the hub, or is taken away (null) before.
  void set_kraken_observer(KrakenNewsObserver* observer) { kraken_observer_ = observer; }
  daemon::MetainfoRelay& relay() { return relay_; }
  // Whether one of our own processes has this id: nobody else may pretend to be it.
  bool IsOurs(const PeerId& id) const;
  // Records what the peer says, for a lease, and pushes it to our own peers if it is new. Returns
  // whom it may connect to.
  std::vector<swarm::PeerInfo> AnnounceKraken(const swarm::PeerInfo& peer,
                                              const swarm::AnnounceRecord& record);
  // It is in that swarm no more.
  void ForgetKraken(const swarm::TorrentKey& key, const PeerId& peer);

  AnnounceHubStats stats() const;

 private:
  // One peer in one swarm: what the store was told.
  struct Membership {
    // Never() if nothing yet.
    swarm::Instant stored_at = swarm::Instant::Never();
    bool stored_complete = false;
  };
  // One peer's stream.
  struct Session {
    std::shared_ptr<rpc::AnnounceOutlet> stream;
    swarm::PeerInfo peer;
    // As the peer said it, for the store.
    std::shared_ptr<const rpc::v1::Peer> self;
    MonotonicTime last_heard;
    bool introduced = false;
    // It counts no more; only its stream has not closed yet.
    bool ended = false;
    absl::flat_hash_map<swarm::TorrentKey, Membership> torrents;
    absl::flat_hash_set<Digest> wanted;
  };
  // Who must hear of a blob.
  struct Audience {
    absl::flat_hash_set<Session*> want_metainfo;
    absl::flat_hash_set<Session*> have_torrent;
    bool empty() const { return want_metainfo.empty() && have_torrent.empty(); }
  };

  // `agent`: what it is to those who give orders; nothing of an origin.
  absl::Status Introduce(Session& session, const rpc::v1::AnnounceRequest& hello,
                         std::optional<AgentOrders::Agent>* agent);
  absl::Status Record(Session& session, const rpc::v1::AnnounceRecord& record,
                      rpc::v1::AnnounceReply& reply);
  void WantMetainfo(Session& session, const Digest& digest, const rpc::v1::AnnounceRecord& record,
                    rpc::v1::AnnounceReply& reply);
  void Announce(Session& session, const Digest& digest, const rpc::v1::AnnounceRecord& record,
                rpc::v1::AnnounceReply& reply);
  void Push(const swarm::TorrentKey& key, const swarm::PeerPush& push);
  // Puts the peer into the store if that is due.
  void Share(const Session& session, const swarm::TorrentKey& key, Membership& membership,
             bool complete, swarm::Instant now);
  // Whether it may lack what other trackers know: it was down a moment ago.
  bool IsStoreNew(swarm::Instant now) const;
  // Whether the peer announces the torrent here.
  bool IsLocal(const swarm::TorrentKey& key, const PeerId& peer) const;
  // Whether somebody here is in the swarm.
  bool HasLocalPeers(const swarm::TorrentKey& key) const;
  void TakeSharedPeer(const swarm::TorrentKey& key, const rpc::v1::Peer& shared);
  void ReloadSharedSwarms();
  // Forgets what the peer has said, and who it is.
  void Retire(Session& session);
  void EndSilentSessions();
  // Whether one who is in so many swarms may enter no other.
  bool IsFull(size_t swarms) const;
  // Adds to `reply` that the peer is in too many swarms.
  void ReportOverLimit(const rpc::v1::AnnounceRecord& record, rpc::v1::AnnounceReply& reply);
  void LeaveTorrent(Session& session, const swarm::TorrentKey& key);
  void StopWanting(Session& session, const Digest& digest);
  void DropIfEmpty(const Digest& digest);
  void SendToWanting(const Digest& digest, const rpc::v1::TorrentNews& news);
  void Tick();

  // RelayObserver:
  void OnMetainfo(const Digest& digest, const rpc::v1::Metainfo& metainfo) override;
  void OnOrigin(const Digest& digest, const rpc::v1::Peer& origin, uint64_t piece_length_bytes,
                bool complete) override;
  void OnOriginGone(const Digest& digest, const rpc::v1::Peer& origin,
                    uint64_t piece_length_bytes) override;
  void OnRevoked(const Digest& digest, const absl::Status& reason) override;
  void OnUnavailable(const Digest& digest, const absl::Status& reason) override;

  net::EventLoop* const loop_;
  const TrackerServerConfig config_;
  // The kernel's generator would cost a system call for each draw: half of the tracker's time.
  SeededBitGen random_{SystemBitGen().Next()};
  swarm::HandOut hand_out_;
  rpc::ZoneTable zones_;
  daemon::MetainfoRelay relay_;
  AgentOrders orders_;
  absl::flat_hash_map<const rpc::AnnounceOutlet*, std::unique_ptr<Session>> sessions_;
  absl::flat_hash_map<PeerId, Session*> by_peer_;
  absl::flat_hash_map<Digest, Audience> audiences_;
  PeerStore* store_ = nullptr;
  swarm::Instant store_up_since_;
  // Swarms with peers here and at other trackers, and when to ask again who they are.
  absl::flat_hash_map<swarm::TorrentKey, swarm::Instant> shared_swarms_;
  bool ending_ = false;
  net::TimerId tick_timer_ = net::TimerId::kNone;
  KrakenNewsObserver* kraken_observer_ = nullptr;
  uint64_t records_ = 0;
  uint64_t refused_ = 0;
  uint64_t silent_ = 0;
  uint64_t over_limit_ = 0;
  MonotonicTime last_tick_;
  // The tracker itself was asleep until then: nobody's silence counts before.
  MonotonicTime awake_since_;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_ANNOUNCE_HUB_H_
