#ifndef KRAKEN_SWARM_HAND_OUT_SWARM_H_
#define KRAKEN_SWARM_HAND_OUT_SWARM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "kraken/base/peer_id.h"
#include "kraken/base/random.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::swarm {

// The peers of one swarm, as the tracker knows them. Inside of HandOut. Not thread safe.
class HandOutSwarm {
 public:
  // Both outlive it.
  HandOutSwarm(const HandOutConfig& config, BitGen* random) : config_(config), random_(random) {}

  // True if the peer was not here.
  bool Update(const PeerInfo& peer, Instant expires);
  bool Remove(const PeerId& peer);
  size_t size() const { return entries_.size(); }
  // Instant::Never() if the peer is not here.
  Instant ExpiryOf(const PeerId& peer) const;

  // Up to `want` peers for `peer`, best first; none for one that has everything.
  std::vector<PeerInfo> Select(Instant now, const PeerInfo& peer, int want);

  // Peers that got fewer than they wanted learn of `newcomer`, if it was not told of them (then it
  // dials them itself).
  std::vector<PeerPush> PushNewcomer(Instant now, const PeerInfo& newcomer,
                                     absl::Span<const PeerInfo> told);
  // `want` > 0: the peer is told of newcomers until it has had so many.
  void NoteUnmetWant(const PeerId& peer, int want);

 private:
  enum Kind : uint8_t { kComplete, kOrigin, kIncomplete, kKinds };

  struct Entry {
    PeerInfo peer;
    Instant expires;
    Kind kind = kIncomplete;
    // Its place in by_kind_[kind].
    uint32_t place = 0;
    uint32_t handed_out = 0;
    int32_t unmet_want = 0;
    // Is in waiting_.
    bool waiting = false;
  };

  static Kind KindOf(const PeerInfo& peer);
  void AddToKind(uint32_t index, Kind kind);
  void RemoveFromKind(uint32_t index);
  // Adds up to `count` of a kind to `chosen`.
  void Sample(Kind kind, int count, Instant now, const PeerInfo& peer,
              std::vector<uint32_t>& chosen);
  int64_t FirstEligible(absl::Span<const uint32_t> list, Instant now, const PeerInfo& peer,
                        absl::Span<const uint32_t> chosen);
  bool IsEligible(uint32_t index, Instant now, const PeerInfo& peer,
                  absl::Span<const uint32_t> chosen) const;
  bool FitsZone(const PeerInfo& peer, const PeerInfo& other, bool far) const;

  const HandOutConfig& config_;
  BitGen* random_;
  std::vector<Entry> entries_;
  absl::flat_hash_map<PeerId, uint32_t> index_;
  std::array<std::vector<uint32_t>, kKinds> by_kind_;
  // Peers with an unmet want; may hold some whose want has been met since.
  std::vector<PeerId> waiting_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_HAND_OUT_SWARM_H_
