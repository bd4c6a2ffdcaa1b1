#ifndef KRAKEN_SWARM_CANDIDATE_SET_H_
#define KRAKEN_SWARM_CANDIDATE_SET_H_

#include <cstdint>
#include <vector>

#include "absl/types/optional.h"
#include "kraken/base/peer_id.h"
#include "kraken/swarm/instant.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::swarm {

// The peers of one torrent that could be dialled, and when. Small (a linear search is fine),
// bounded by `max_size`: a newcomer replaces the peer that failed most. Not thread safe.
class CandidateSet {
 public:
  CandidateSet(int max_size, int64_t redial_nanos, int64_t max_redial_nanos)
      : max_size_(static_cast<size_t>(max_size)),
        redial_nanos_(redial_nanos),
        max_redial_nanos_(max_redial_nanos) {}

  // Adds or updates a peer. What we know of its failures stays.
  void Add(const PeerInfo& peer);

  // Takes the next peer to dial: of those that are due, not linked and failed least, the one that
  // was added first (the tracker hands out the best first). It stays known, as linked.
  absl::optional<PeerInfo> TakeNext(Instant now);

  // The peer is linked, whoever dialled; not to be dialled.
  void MarkLinked(const PeerId& peer);
  // The link is gone. `failed`: the peer was not reachable or refused; tried again later.
  void MarkUnlinked(const PeerId& peer, bool failed, Instant now);

  void Remove(const PeerId& peer);

  size_t size() const { return candidates_.size(); }
  // Peers that could be dialled now.
  size_t CountDue(Instant now) const;

 private:
  struct Candidate {
    PeerInfo peer;
    bool linked = false;
    uint8_t failures = 0;
    Instant not_before;
  };

  Candidate* Find(const PeerId& peer);

  size_t max_size_;
  int64_t redial_nanos_;
  int64_t max_redial_nanos_;
  std::vector<Candidate> candidates_;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_CANDIDATE_SET_H_
