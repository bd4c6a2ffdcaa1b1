#include "kraken/swarm/candidate_set.h"

#include <algorithm>
#include <limits>

namespace kraken::swarm {

CandidateSet::Candidate* CandidateSet::Find(const PeerId& peer) {
  auto it = std::find_if(candidates_.begin(), candidates_.end(),
                         [&](const Candidate& c) { return c.peer.id == peer; });
  return it == candidates_.end() ? nullptr : &*it;
}

void CandidateSet::Add(const PeerInfo& peer) {
  if (Candidate* known = Find(peer.id)) {
    // At another address it deserves another try.
    if (known->peer.ip != peer.ip || known->peer.port != peer.port) {
      known->failures = 0;
      known->not_before = Instant();
    }
    known->peer = peer;
    return;
  }
  if (candidates_.size() >= max_size_) {
    auto worst = std::max_element(candidates_.begin(), candidates_.end(),
                                  [](const Candidate& a, const Candidate& b) {
                                    const int rank_a = a.linked ? -1 : a.failures;
                                    const int rank_b = b.linked ? -1 : b.failures;
                                    return rank_a < rank_b;
                                  });
    if (worst->linked) return;
    candidates_.erase(worst);
  }
  candidates_.push_back({.peer = peer});
}

absl::optional<PeerInfo> CandidateSet::TakeNext(Instant now) {
  Candidate* best = nullptr;
  for (Candidate& candidate : candidates_) {
    if (candidate.linked || candidate.not_before > now) continue;
    if (best == nullptr || candidate.failures < best->failures) best = &candidate;
  }
  if (best == nullptr) return absl::nullopt;
  best->linked = true;
  return best->peer;
}

void CandidateSet::MarkLinked(const PeerId& peer) {
  if (Candidate* candidate = Find(peer)) candidate->linked = true;
}

void CandidateSet::MarkUnlinked(const PeerId& peer, bool failed, Instant now) {
  Candidate* candidate = Find(peer);
  if (candidate == nullptr) return;
  candidate->linked = false;
  if (!failed) {
    candidate->failures = 0;
    candidate->not_before = now + redial_nanos_;
    return;
  }
  constexpr uint8_t kMostFailures = 30;
  const int64_t delay =
      std::min(redial_nanos_ << std::min<int>(candidate->failures, 16), max_redial_nanos_);
  candidate->not_before = now + delay;
  if (candidate->failures < kMostFailures) ++candidate->failures;
}

void CandidateSet::Remove(const PeerId& peer) {
  candidates_.erase(std::remove_if(candidates_.begin(), candidates_.end(),
                                   [&](const Candidate& c) { return c.peer.id == peer; }),
                    candidates_.end());
}

size_t CandidateSet::CountDue(Instant now) const {
  return static_cast<size_t>(
      std::count_if(candidates_.begin(), candidates_.end(),
                    [&](const Candidate& c) { return !c.linked && c.not_before <= now; }));
}

}  // namespace kraken::swarm
