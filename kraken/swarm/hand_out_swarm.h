#ifndef KRAKEN_SWARM_HAND_OUT_SWARM_H_
#define KRAKEN_SWARM_HAND_OUT_SWARM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "kraken/base/random.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/swarm/hand_out_tables.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::swarm {

// The peers of one swarm, as the tracker knows them. Inside of HandOut, which counts each entry
// in the table of peers. Not thread safe.
class HandOutSwarm {
 public:
  // All outlive it.
  HandOutSwarm(const TorrentKey& key, const HandOutConfig& config, BitGen* random, PeerTable* peers,
               EntryTable* entries)
      : key_(key), config_(config), random_(random), peers_(*peers), entries_(*entries) {}

  const TorrentKey& key() const { return key_; }
  size_t size() const { return index_.size(); }

  // The peer's entry; kNoSlot: it is not here.
  Slot Find(Slot peer) const;
  // REQUIRES: the peer is not here.
  Slot Add(Slot peer, const PeerInfo& announced);
  void Update(Slot slot, const PeerInfo& announced);
  void Remove(Slot slot);

  // Up to `want` peers for the one with this entry, best first; none for one that has everything.
  std::vector<PeerInfo> Select(Instant now, Slot asking, int want);

  // Peers that got fewer than they wanted learn of the newcomer, if it was not told of them (then
  // it dials them itself).
  std::vector<PeerPush> PushNewcomer(Instant now, Slot newcomer, absl::Span<const PeerInfo> told);
  // `want` > 0: the peer is told of newcomers until it has had so many.
  void NoteUnmetWant(Slot slot, int want);

 private:
  using Kind = HandOutEntry::Kind;

  static Kind KindOf(const PeerInfo& peer);
  PeerInfo InfoOf(const HandOutEntry& entry) const;
  void AddToKind(Slot slot, Kind kind);
  void RemoveFromKind(Slot slot);
  void AddToWaiting(Slot slot);
  void RemoveFromWaiting(Slot slot);
  // Adds up to `count` of a kind to `chosen`.
  void Sample(Kind kind, int count, Instant now, Slot asking, std::vector<Slot>& chosen);
  Slot FirstEligible(absl::Span<const Slot> list, Instant now, Slot asking,
                     absl::Span<const Slot> chosen);
  bool IsEligible(Slot slot, Instant now, Slot asking, absl::Span<const Slot> chosen) const;
  // Neither its peer's lease nor its own has run out.
  bool IsAlive(Slot slot, Instant now) const;
  static bool FitsZone(const HandOutEntry& asking, const HandOutEntry& other, bool far);

  const TorrentKey key_;
  const HandOutConfig& config_;
  BitGen* const random_;
  PeerTable& peers_;
  EntryTable& entries_;
  // From peers to entries.
  absl::flat_hash_map<Slot, Slot> index_;
  std::array<std::vector<Slot>, Kind::kKinds> by_kind_;
  // Entries with an unmet want.
  std::vector<Slot> waiting_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_HAND_OUT_SWARM_H_
