#ifndef KRAKEN_SWARM_HAND_OUT_TABLES_H_
#define KRAKEN_SWARM_HAND_OUT_TABLES_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kraken/base/peer_id.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::swarm {

class HandOutSwarm;

// Inside of HandOut: a slot of PeerTable, of EntryTable, or a place in a list; kNoSlot: none.
using Slot = uint32_t;
inline constexpr Slot kNoSlot = std::numeric_limits<Slot>::max();

// An array that grows without moving what it holds: nobody waits for a copy of all, and references
// stay valid.
template <typename T>
class ChunkedArray {
 public:
  T& operator[](Slot slot) { return chunks_[slot >> kChunkBits][slot & kChunkMask]; }
  const T& operator[](Slot slot) const { return chunks_[slot >> kChunkBits][slot & kChunkMask]; }
  size_t size() const { return size_; }
  // Returns the slot of the new element.
  Slot Grow() {
    if (size_ >> kChunkBits == chunks_.size()) {
      chunks_.push_back(std::make_unique<T[]>(size_t{1} << kChunkBits));
    }
    return static_cast<Slot>(size_++);
  }

 private:
  static constexpr int kChunkBits = 10;
  static constexpr Slot kChunkMask = (Slot{1} << kChunkBits) - 1;

  std::vector<std::unique_ptr<T[]>> chunks_;
  size_t size_ = 0;
};

// The elements of a ChunkedArray that are alive, in the order of their last renewal, through their
// members `older` and `newer`. A list instead of a queue of leases: an element is in it once,
// however often it is renewed. Not thread safe.
template <typename T>
class RenewalList {
 public:
  // kNoSlot if there is none.
  Slot oldest() const { return oldest_; }

  // As renewed just now. REQUIRES: not in the list.
  void Link(ChunkedArray<T>& array, Slot slot) {
    array[slot].older = newest_;
    array[slot].newer = kNoSlot;
    (newest_ == kNoSlot ? oldest_ : array[newest_].newer) = slot;
    newest_ = slot;
  }
  void Unlink(ChunkedArray<T>& array, Slot slot) {
    const T& element = array[slot];
    (element.older == kNoSlot ? oldest_ : array[element.older].newer) = element.newer;
    (element.newer == kNoSlot ? newest_ : array[element.newer].older) = element.older;
  }
  void Renew(ChunkedArray<T>& array, Slot slot) {
    if (slot == newest_) return;
    Unlink(array, slot);
    Link(array, slot);
  }

 private:
  Slot oldest_ = kNoSlot;
  Slot newest_ = kNoSlot;
};

// A peer that is in some swarm.
struct HandOutPeer {
  // What the peer said of itself last. `origin` and `complete` mean nothing here.
  PeerInfo info;
  // How many swarms it is in, and its entry in one of them, linked to the others.
  uint32_t entries = 0;
  Slot first_entry = kNoSlot;
  // Neighbours in the order of renewal.
  Slot older = kNoSlot;
  Slot newer = kNoSlot;
};

// The peers of all swarms, each held once, however many swarms it is in. Not thread safe.
class PeerTable {
 public:
  // Of a peer that has an entry; else kNoSlot.
  Slot Find(const PeerId& id) const;
  // One entry more of this peer.
  Slot Acquire(const PeerInfo& peer);
  // One entry less; the peer is forgotten with its last one.
  void Release(Slot slot);
  void Renew(Slot slot, Instant expires);
  // The one renewed longest ago; kNoSlot if there is none.
  Slot oldest() const { return renewals_.oldest(); }
  Instant expires(Slot slot) const { return expires_[slot]; }

  HandOutPeer& at(Slot slot) { return peers_[slot]; }
  const HandOutPeer& at(Slot slot) const { return peers_[slot]; }

 private:
  ChunkedArray<HandOutPeer> peers_;
  // Of each peer; apart, as a hand-out looks at many and at nothing else of theirs.
  ChunkedArray<Instant> expires_;
  RenewalList<HandOutPeer> renewals_;
  std::vector<Slot> free_;
  absl::flat_hash_map<PeerId, Slot> index_;
};

// One peer in one swarm. There are millions: 56 bytes.
struct HandOutEntry {
  enum Kind : uint8_t { kComplete, kOrigin, kIncomplete, kKinds };

  HandOutSwarm* swarm = nullptr;
  Instant expires;
  Slot peer = kNoSlot;
  // Neighbours among the peer's entries.
  Slot previous_of_peer = kNoSlot;
  Slot next_of_peer = kNoSlot;
  // Its place among the swarm's peers of its kind.
  Slot place = kNoSlot;
  // Its place among those that want more peers.
  Slot waiting_place = kNoSlot;
  uint32_t handed_out = 0;
  int32_t unmet_want = 0;
  // Neighbours in the order of renewal.
  Slot older = kNoSlot;
  Slot newer = kNoSlot;
  // As the peer's.
  uint16_t zone = 0;
  Kind kind = kIncomplete;
  bool complete = false;
};
static_assert(sizeof(HandOutEntry) == 56);

// All entries. Not thread safe.
class EntryTable {
 public:
  // A new one, renewed just now.
  Slot Add();
  void Remove(Slot slot);
  void Renew(Slot slot, Instant expires);
  // The one renewed longest ago; kNoSlot if there is none.
  Slot oldest() const { return renewals_.oldest(); }

  // Puts it before, and takes it out of, the list of its peer's entries that begins at `first`.
  void LinkToPeer(Slot slot, Slot& first);
  void UnlinkFromPeer(Slot slot, Slot& first);

  HandOutEntry& at(Slot slot) { return entries_[slot]; }
  const HandOutEntry& at(Slot slot) const { return entries_[slot]; }
  size_t size() const { return entries_.size() - free_.size(); }

 private:
  ChunkedArray<HandOutEntry> entries_;
  RenewalList<HandOutEntry> renewals_;
  std::vector<Slot> free_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_HAND_OUT_TABLES_H_
