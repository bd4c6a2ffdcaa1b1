#include "kraken/swarm/hand_out_tables.h"

namespace kraken::swarm {

Slot PeerTable::Find(const PeerId& id) const {
  auto it = index_.find(id);
  return it == index_.end() ? kNoSlot : it->second;
}

Slot PeerTable::Acquire(const PeerInfo& peer) {
  const auto [it, is_new] = index_.try_emplace(peer.id, kNoSlot);
  if (is_new) {
    if (free_.empty()) free_.push_back(peers_.Grow());
    it->second = free_.back();
    free_.pop_back();
    peers_[it->second].info = peer;
  }
  ++peers_[it->second].entries;
  return it->second;
}

void PeerTable::Release(Slot slot) {
  Peer& peer = peers_[slot];
  if (--peer.entries > 0) return;
  index_.erase(peer.info.id);
  peer = Peer();
  free_.push_back(slot);
}

Slot EntryTable::Add() {
  if (free_.empty()) free_.push_back(entries_.Grow());
  const Slot slot = free_.back();
  free_.pop_back();
  entries_[slot] = HandOutEntry();
  Link(slot);
  return slot;
}

void EntryTable::Remove(Slot slot) {
  Unlink(slot);
  free_.push_back(slot);
}

void EntryTable::Renew(Slot slot) {
  if (slot == newest_) return;
  Unlink(slot);
  Link(slot);
}

void EntryTable::Link(Slot slot) {
  HandOutEntry& entry = entries_[slot];
  entry.older = newest_;
  entry.newer = kNoSlot;
  (newest_ == kNoSlot ? oldest_ : entries_[newest_].newer) = slot;
  newest_ = slot;
}

void EntryTable::Unlink(Slot slot) {
  const HandOutEntry& entry = entries_[slot];
  (entry.older == kNoSlot ? oldest_ : entries_[entry.older].newer) = entry.newer;
  (entry.newer == kNoSlot ? newest_ : entries_[entry.newer].older) = entry.older;
}

}  // namespace kraken::swarm
