#include "kraken/swarm/hand_out_swarm.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::swarm {
namespace {

// Draws per wanted peer before giving up on a better one, and then peers looked at in turn before
// giving up altogether.
constexpr int kDrawsPerPeer = 8;
constexpr size_t kMostLookedAt = 64;

}  // namespace

HandOutSwarm::Kind HandOutSwarm::KindOf(const PeerInfo& peer) {
  if (peer.origin) return kOrigin;
  return peer.complete ? kComplete : kIncomplete;
}

bool HandOutSwarm::Update(const PeerInfo& peer, Instant expires) {
  const auto [it, is_new] = index_.try_emplace(peer.id, static_cast<uint32_t>(entries_.size()));
  const uint32_t index = it->second;
  if (is_new) {
    entries_.emplace_back();
    AddToKind(index, KindOf(peer));
  } else if (entries_[index].kind != KindOf(peer)) {
    RemoveFromKind(index);
    AddToKind(index, KindOf(peer));
  }
  entries_[index].peer = peer;
  entries_[index].expires = expires;
  return is_new;
}

void HandOutSwarm::AddToKind(uint32_t index, Kind kind) {
  Entry& entry = entries_[index];
  entry.kind = kind;
  entry.place = static_cast<uint32_t>(by_kind_[kind].size());
  by_kind_[kind].push_back(index);
}

void HandOutSwarm::RemoveFromKind(uint32_t index) {
  const Entry& entry = entries_[index];
  std::vector<uint32_t>& list = by_kind_[entry.kind];
  list[entry.place] = list.back();
  entries_[list[entry.place]].place = entry.place;
  list.pop_back();
}

bool HandOutSwarm::Remove(const PeerId& peer) {
  auto it = index_.find(peer);
  if (it == index_.end()) return false;
  const uint32_t index = it->second;
  RemoveFromKind(index);
  index_.erase(it);
  const uint32_t last = static_cast<uint32_t>(entries_.size() - 1);
  if (index != last) {
    entries_[index] = std::move(entries_[last]);
    by_kind_[entries_[index].kind][entries_[index].place] = index;
    index_[entries_[index].peer.id] = index;
  }
  entries_.pop_back();
  return true;
}

Instant HandOutSwarm::ExpiryOf(const PeerId& peer) const {
  auto it = index_.find(peer);
  return it == index_.end() ? Instant::Never() : entries_[it->second].expires;
}

std::vector<PeerInfo> HandOutSwarm::Select(Instant now, const PeerInfo& peer, int want) {
  std::vector<PeerInfo> answer;
  if (peer.complete || want <= 0) return answer;
  want = std::min(want, config_.max_peers);
  std::vector<uint32_t> chosen;
  const int incomplete = static_cast<int>(by_kind_[kIncomplete].size()) - 1;
  const int kept =
      std::clamp(static_cast<int>(want * config_.incomplete_share), 0, std::max(incomplete, 0));
  Sample(kComplete, want - kept, now, peer, chosen);
  const int room = want - static_cast<int>(chosen.size());
  Sample(kOrigin, std::min(config_.max_origins, std::max(room - kept, 1)), now, peer, chosen);
  Sample(kIncomplete, want - static_cast<int>(chosen.size()), now, peer, chosen);
  answer.reserve(chosen.size());
  for (uint32_t index : chosen) {
    ++entries_[index].handed_out;
    answer.push_back(entries_[index].peer);
  }
  return answer;
}

// Draws pairs and takes the one that was handed out less: that keeps the numbers of links even,
// where plain chance would give the first to join ten times the links of the last.
void HandOutSwarm::Sample(Kind kind, int count, Instant now, const PeerInfo& peer,
                          std::vector<uint32_t>& chosen) {
  const std::vector<uint32_t>& list = by_kind_[kind];
  if (list.empty()) return;
  for (int i = 0; i < count; ++i) {
    const bool far = random_->Bernoulli(config_.far_share);
    int64_t best = -1;
    int seen = 0;
    for (int draw = 0; draw < kDrawsPerPeer && seen < 2; ++draw) {
      const uint32_t index = list[static_cast<size_t>(random_->Uniform(list.size()))];
      if (!IsEligible(index, now, peer, chosen)) continue;
      if (!FitsZone(peer, entries_[index].peer, far)) continue;
      ++seen;
      if (best < 0 || entries_[index].handed_out < entries_[static_cast<size_t>(best)].handed_out) {
        best = index;
      }
    }
    if (best < 0) best = FirstEligible(list, now, peer, chosen);
    if (best < 0) return;
    chosen.push_back(static_cast<uint32_t>(best));
  }
}

// Any eligible peer, of whatever zone, from a random place on; -1 if none is found soon.
int64_t HandOutSwarm::FirstEligible(absl::Span<const uint32_t> list, Instant now,
                                    const PeerInfo& peer, absl::Span<const uint32_t> chosen) {
  const size_t start = static_cast<size_t>(random_->Uniform(list.size()));
  for (size_t i = 0; i < std::min(list.size(), kMostLookedAt); ++i) {
    const uint32_t index = list[(start + i) % list.size()];
    if (IsEligible(index, now, peer, chosen)) return index;
  }
  return -1;
}

bool HandOutSwarm::IsEligible(uint32_t index, Instant now, const PeerInfo& peer,
                              absl::Span<const uint32_t> chosen) const {
  const Entry& entry = entries_[index];
  return entry.expires > now && entry.peer.id != peer.id &&
         std::find(chosen.begin(), chosen.end(), index) == chosen.end();
}

bool HandOutSwarm::FitsZone(const PeerInfo& peer, const PeerInfo& other, bool far) const {
  if (peer.zone == 0 || other.zone == 0) return true;
  return (peer.zone != other.zone) == far;
}

std::vector<PeerPush> HandOutSwarm::PushNewcomer(Instant now, const PeerInfo& newcomer,
                                                 absl::Span<const PeerInfo> told) {
  std::vector<PeerPush> pushes;
  std::vector<PeerId> put_back;
  while (static_cast<int>(pushes.size()) < config_.max_pushes_per_join && !waiting_.empty()) {
    PeerId& drawn = waiting_[static_cast<size_t>(random_->Uniform(waiting_.size()))];
    const PeerId recipient = drawn;
    drawn = waiting_.back();
    waiting_.pop_back();
    auto it = index_.find(recipient);
    if (it == index_.end() || recipient == newcomer.id) continue;
    Entry& entry = entries_[it->second];
    entry.waiting = false;
    if (entry.unmet_want <= 0 || entry.expires <= now) continue;
    const bool is_told = std::any_of(told.begin(), told.end(),
                                     [&](const PeerInfo& peer) { return peer.id == recipient; });
    // Whoever was told dials; that meets the want as well.
    if (--entry.unmet_want > 0) {
      entry.waiting = true;
      put_back.push_back(recipient);
    }
    if (is_told) continue;
    pushes.push_back({.recipient = recipient, .peer = newcomer});
  }
  waiting_.insert(waiting_.end(), put_back.begin(), put_back.end());
  return pushes;
}

void HandOutSwarm::NoteUnmetWant(const PeerId& peer, int want) {
  auto it = index_.find(peer);
  if (it == index_.end()) return;
  Entry& entry = entries_[it->second];
  entry.unmet_want = std::max(want, 0);
  if (entry.waiting || entry.unmet_want == 0) return;
  entry.waiting = true;
  waiting_.push_back(peer);
}

}  // namespace kraken::swarm
