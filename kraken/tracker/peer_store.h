#ifndef KRAKEN_TRACKER_PEER_STORE_H_
#define KRAKEN_TRACKER_PEER_STORE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "kraken/rpc/common.pb.h"
#include "kraken/swarm/ids.h"

namespace kraken::tracker {

// Hears from a PeerStore, in the control loop.
class PeerStoreObserver {
 public:
  virtual ~PeerStoreObserver() = default;
  // The store can be reached (again). Nothing that was put before is sure to be there.
  virtual void OnStoreUp() = 0;
  // The answer to Load(): all that other living trackers know, or a part of that if it is much. The
  // peers are not validated.
  virtual void OnSharedPeers(const swarm::TorrentKey& key,
                             const std::vector<rpc::v1::Peer>& peers) = 0;
  // A peer has just come to another tracker.
  virtual void OnSharedPeerCame(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) = 0;
  // It has left there.
  virtual void OnSharedPeerLeft(const swarm::TorrentKey& key, const rpc::v1::Peer& peer) = 0;
};

struct PeerStoreStats {
  bool up = false;
  uint64_t written = 0;   // entries that were handed to the store
  uint64_t dropped = 0;   // entries that were not: it is down, or too slow
  uint64_t heard = 0;     // news of other trackers
  uint64_t failures = 0;  // connections lost or refused, and commands that failed
};

// What several trackers share of their swarms. Nothing here blocks, or fails so that a peer would
// notice. Belongs to the control loop's thread.
class PeerStore {
 public:
  virtual ~PeerStore() = default;

  // The peer is in the swarm, `complete` or not, while this tracker lives, but for an entry lease
  // at most, unless it is put again. `is_new`: other trackers are to hear of it at once. False if
  // that is lost.
  virtual bool Put(const swarm::TorrentKey& key, std::shared_ptr<const rpc::v1::Peer> peer,
                   bool complete, bool is_new) = 0;
  virtual void Remove(const swarm::TorrentKey& key, std::shared_ptr<const rpc::v1::Peer> peer) = 0;
  // Asks who else is in the swarm.
  virtual void Load(const swarm::TorrentKey& key) = 0;

  virtual PeerStoreStats stats() const = 0;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_PEER_STORE_H_
