#ifndef KRAKEN_SWARM_HAND_OUT_H_
#define KRAKEN_SWARM_HAND_OUT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/random.h"
#include "kraken/base/strong_index.h"
#include "kraken/swarm/environment.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::swarm {

class EntryTable;
class HandOutSwarm;
class PeerTable;

struct HandOutConfig {
  // A peer that was not heard of for so long is handed out to nobody, and forgotten.
  absl::Duration lease = absl::Seconds(15);
  // So is one that did not announce a torrent for so long, in that torrent's swarm.
  absl::Duration entry_lease = absl::Minutes(5);
  // The most peers of one answer.
  int max_peers = 20;
  // Of an answer to a peer that lacks pieces: the most that are origins, and the share of the rest
  // that are kept for peers which are not complete, so that leechers know each other.
  int max_origins = 3;
  double incomplete_share = 0.5;
  // The share from other zones, where zones are known: always a few far.
  double far_share = 0.25;
  // Newcomers pushed to one waiting peer, and waiting peers told of one newcomer.
  int max_pushes_per_join = 4;
};

// Whether the peer says that it has every piece. None of none: it does not know yet how many there
// are.
bool IsComplete(const AnnounceRecord& record);

// A peer that should be told of another, on its announce stream.
struct PeerPush {
  PeerId recipient;
  PeerInfo peer;
};

struct AnnounceAnswer {
  std::vector<PeerInfo> peers;
  std::vector<PeerPush> pushes;
};

// The tracker's memory of all swarms, and whom it hands out to whom: complete peers, then origins,
// then others, mixed over zones, at random, those first that were handed out less (so that no
// newcomer is left over, and no early bird overrun). Leases make a dead peer vanish: a short one of
// the peer, which any word of it renews, and a long one of each torrent that it has.
//
// Pure, as the engine. Not thread safe.
class HandOut {
 public:
  // `random` outlives it.
  HandOut(const HandOutConfig& config, BitGen* random);
  ~HandOut();

  // Records what `peer` says and answers with up to record.want_peers others of its swarm.
  // `peer.origin` and `peer.complete` are taken from `record`.
  AnnounceAnswer Announce(Instant now, const PeerInfo& peer, const AnnounceRecord& record);

  // The peer lives, whatever it has: renews its lease. No effect if it is in no swarm.
  void Renew(Instant now, const PeerId& peer);

  // The peer is out of the torrent's hand-outs until it announces that again.
  void Forget(const TorrentKey& key, const PeerId& peer);
  // The peer's announce stream broke: it is out of all hand-outs until it announces again.
  void Forget(const PeerId& peer);

  // The peer as it announced itself last; null if it is in no swarm. Valid until the next call.
  const PeerInfo* FindPeer(const PeerId& peer) const;

  // Drops what expired. Call about once a second; work is proportional to what expires.
  void Sweep(Instant now);

  size_t swarm_count() const { return swarms_.size(); }
  size_t entry_count() const;

 private:
  void Remove(uint32_t entry);
  void RemoveAllOf(uint32_t peer);

  HandOutConfig config_;
  int64_t lease_nanos_;
  int64_t entry_lease_nanos_;
  BitGen* random_;
  std::unique_ptr<PeerTable> peers_;
  std::unique_ptr<EntryTable> entries_;
  absl::flat_hash_map<TorrentKey, std::unique_ptr<HandOutSwarm>> swarms_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_HAND_OUT_H_
