#include "kraken/swarm/hand_out_tables.h"

namespace kraken::swarm {

Slot PeerTable::Find(const PeerId& id) const {
  auto it = index_.find(id);
  return it == index_.end() ? kNoSlot : it->second;
}

Slot PeerTable::Acquire(const PeerInfo& peer) {
  const auto [it, is_new] = index_.try_emplace(peer.id, kNoSlot);
  if (is_new) {
    if (free_.empty()) {
      free_.push_back(peers_.Grow());
      expires_.Grow();
    }
    it->second = free_.back();
    free_.pop_back();
    peers_[it->second].info = peer;
    renewals_.Link(peers_, it->second);
  }
  ++peers_[it->second].entries;
  return it->second;
}

void PeerTable::Release(Slot slot) {
  HandOutPeer& peer = peers_[slot];
  if (--peer.entries > 0) return;
  index_.erase(peer.info.id);
  renewals_.Unlink(peers_, slot);
  peer = HandOutPeer();
  expires_[slot] = Instant();
  free_.push_back(slot);
}

void PeerTable::Renew(Slot slot, Instant expires) {
  expires_[slot] = expires;
  renewals_.Renew(peers_, slot);
}

Slot EntryTable::Add() {
  if (free_.empty()) free_.push_back(entries_.Grow());
  const Slot slot = free_.back();
  free_.pop_back();
  entries_[slot] = HandOutEntry();
  renewals_.Link(entries_, slot);
  return slot;
}

void EntryTable::Remove(Slot slot) {
  renewals_.Unlink(entries_, slot);
  free_.push_back(slot);
}

void EntryTable::Renew(Slot slot, Instant expires) {
  entries_[slot].expires = expires;
  renewals_.Renew(entries_, slot);
}

void EntryTable::LinkToPeer(Slot slot, Slot& first) {
  entries_[slot].next_of_peer = first;
  if (first != kNoSlot) entries_[first].previous_of_peer = slot;
  first = slot;
}

void EntryTable::UnlinkFromPeer(Slot slot, Slot& first) {
  const HandOutEntry& entry = entries_[slot];
  if (entry.next_of_peer != kNoSlot) {
    entries_[entry.next_of_peer].previous_of_peer = entry.previous_of_peer;
  }
  (entry.previous_of_peer == kNoSlot ? first : entries_[entry.previous_of_peer].next_of_peer) =
      entry.next_of_peer;
}

}  // namespace kraken::swarm
