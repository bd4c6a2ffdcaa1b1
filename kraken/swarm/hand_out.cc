#include "kraken/swarm/hand_out.h"

#include <utility>

#include "kraken/swarm/hand_out_swarm.h"
#include "kraken/swarm/hand_out_tables.h"

namespace kraken::swarm {

bool IsComplete(const AnnounceRecord& record) {
  return record.event == AnnounceEvent::kComplete ||
         (record.piece_count > PieceCount(0) && record.have == record.piece_count);
}

HandOut::HandOut(const HandOutConfig& config, BitGen* random)
    : config_(config),
      lease_nanos_(ToNanos(config.lease)),
      entry_lease_nanos_(ToNanos(config.entry_lease)),
      random_(random),
      peers_(std::make_unique<PeerTable>()),
      entries_(std::make_unique<EntryTable>()) {}

HandOut::~HandOut() = default;

AnnounceAnswer HandOut::Announce(Instant now, const PeerInfo& peer, const AnnounceRecord& record) {
  if (record.event == AnnounceEvent::kLeave) {
    Forget(record.key, peer.id);
    return {};
  }
  std::unique_ptr<HandOutSwarm>& swarm = swarms_[record.key];
  if (swarm == nullptr) {
    swarm =
        std::make_unique<HandOutSwarm>(record.key, config_, random_, peers_.get(), entries_.get());
  }
  PeerInfo announced = peer;
  announced.origin = record.origin;
  announced.complete = IsComplete(record);
  Slot known = peers_->Find(peer.id);
  Slot entry = known == kNoSlot ? kNoSlot : swarm->Find(known);
  const bool is_new = entry == kNoSlot;
  if (is_new) {
    known = peers_->Acquire(announced);
    entry = swarm->Add(known, announced);
    entries_->LinkToPeer(entry, peers_->at(known).first_entry);
  } else {
    swarm->Update(entry, announced);
  }
  peers_->at(known).info = std::move(announced);
  peers_->Renew(known, now + lease_nanos_);
  entries_->Renew(entry, now + entry_lease_nanos_);
  AnnounceAnswer answer;
  answer.peers = swarm->Select(now, entry, record.want_peers);
  if (is_new) answer.pushes = swarm->PushNewcomer(now, entry, answer.peers);
  // A peer of version 1 has no stream to be pushed to: it asks again.
  const bool takes_pushes = peer.version == WireVersion::kHarbor;
  swarm->NoteUnmetWant(
      entry, takes_pushes ? record.want_peers - static_cast<int>(answer.peers.size()) : 0);
  return answer;
}

void HandOut::Renew(Instant now, const PeerId& peer) {
  const Slot known = peers_->Find(peer);
  if (known != kNoSlot) peers_->Renew(known, now + lease_nanos_);
}

void HandOut::Forget(const TorrentKey& key, const PeerId& peer) {
  const Slot known = peers_->Find(peer);
  auto it = swarms_.find(key);
  if (known == kNoSlot || it == swarms_.end()) return;
  const Slot entry = it->second->Find(known);
  if (entry != kNoSlot) Remove(entry);
}

void HandOut::Forget(const PeerId& peer) {
  const Slot known = peers_->Find(peer);
  if (known != kNoSlot) RemoveAllOf(known);
}

const PeerInfo* HandOut::FindPeer(const PeerId& peer) const {
  const Slot known = peers_->Find(peer);
  return known == kNoSlot ? nullptr : &peers_->at(known).info;
}

void HandOut::Sweep(Instant now) {
  for (Slot oldest = peers_->oldest(); oldest != kNoSlot && peers_->expires(oldest) <= now;
       oldest = peers_->oldest()) {
    RemoveAllOf(oldest);
  }
  for (Slot oldest = entries_->oldest(); oldest != kNoSlot && entries_->at(oldest).expires <= now;
       oldest = entries_->oldest()) {
    Remove(oldest);
  }
}

// The peer itself goes with its last entry.
void HandOut::RemoveAllOf(uint32_t peer) {
  for (uint32_t left = peers_->at(peer).entries; left > 0; --left) {
    Remove(peers_->at(peer).first_entry);
  }
}

void HandOut::Remove(uint32_t entry) {
  HandOutSwarm* swarm = entries_->at(entry).swarm;
  const Slot peer = entries_->at(entry).peer;
  entries_->UnlinkFromPeer(entry, peers_->at(peer).first_entry);
  swarm->Remove(entry);
  peers_->Release(peer);
  if (swarm->size() == 0) swarms_.erase(TorrentKey(swarm->key()));
}

size_t HandOut::entry_count() const { return entries_->size(); }

}  // namespace kraken::swarm
