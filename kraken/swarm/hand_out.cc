#include "kraken/swarm/hand_out.h"

#include <algorithm>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "kraken/swarm/hand_out_swarm.h"

namespace kraken::swarm {

HandOut::HandOut(const HandOutConfig& config, BitGen* random)
    : config_(config), lease_nanos_(ToNanos(config.lease)), random_(random) {}

HandOut::~HandOut() = default;

AnnounceAnswer HandOut::Announce(Instant now, const PeerInfo& peer, const AnnounceRecord& record) {
  if (record.event == AnnounceEvent::kLeave) {
    Forget(record.key, peer.id);
    return {};
  }
  std::unique_ptr<HandOutSwarm>& swarm = swarms_[record.key];
  if (swarm == nullptr) swarm = std::make_unique<HandOutSwarm>(config_, random_);
  PeerInfo announced = peer;
  announced.origin = record.origin;
  // None of none: it does not know yet how many pieces there are.
  announced.complete = record.event == AnnounceEvent::kComplete ||
                       (record.piece_count > PieceCount(0) && record.have == record.piece_count);
  const bool is_new = swarm->Update(announced, now + lease_nanos_);
  if (is_new) {
    ++entry_count_;
    leases_.push_back({.expires = now + lease_nanos_, .key = record.key, .peer = peer.id});
  }
  AnnounceAnswer answer;
  answer.peers = swarm->Select(now, announced, record.want_peers);
  if (is_new) answer.pushes = swarm->PushNewcomer(now, announced, answer.peers);
  swarm->NoteUnmetWant(peer.id, record.want_peers - static_cast<int>(answer.peers.size()));
  return answer;
}

void HandOut::Forget(const TorrentKey& key, const PeerId& peer) {
  auto it = swarms_.find(key);
  if (it == swarms_.end() || !it->second->Remove(peer)) return;
  --entry_count_;
  if (it->second->size() == 0) swarms_.erase(it);
}

void HandOut::Sweep(Instant now) {
  while (!leases_.empty() && leases_.front().expires <= now) {
    const Lease lease = leases_.front();
    leases_.pop_front();
    auto it = swarms_.find(lease.key);
    if (it == swarms_.end()) continue;
    const Instant expires = it->second->ExpiryOf(lease.peer);
    if (expires == Instant::Never()) continue;
    if (expires <= now) {
      Forget(lease.key, lease.peer);
    } else {
      leases_.push_back({.expires = now + lease_nanos_, .key = lease.key, .peer = lease.peer});
    }
  }
}

}  // namespace kraken::swarm
