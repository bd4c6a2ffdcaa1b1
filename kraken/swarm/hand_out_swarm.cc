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
  if (peer.origin) return Kind::kOrigin;
  return peer.complete ? Kind::kComplete : Kind::kIncomplete;
}

PeerInfo HandOutSwarm::InfoOf(const HandOutEntry& entry) const {
  PeerInfo info = peers_.at(entry.peer).info;
  info.origin = entry.kind == Kind::kOrigin;
  info.complete = entry.complete;
  return info;
}

Slot HandOutSwarm::Find(Slot peer) const {
  auto it = index_.find(peer);
  return it == index_.end() ? kNoSlot : it->second;
}

Slot HandOutSwarm::Add(Slot peer, const PeerInfo& announced) {
  const Slot slot = entries_.Add();
  const bool is_new = index_.try_emplace(peer, slot).second;
  KH_CHECK(is_new);
  HandOutEntry& entry = entries_.at(slot);
  entry.swarm = this;
  entry.peer = peer;
  AddToKind(slot, KindOf(announced));
  Update(slot, announced);
  return slot;
}

void HandOutSwarm::Update(Slot slot, const PeerInfo& announced) {
  HandOutEntry& entry = entries_.at(slot);
  const Kind kind = KindOf(announced);
  if (entry.kind != kind) {
    RemoveFromKind(slot);
    AddToKind(slot, kind);
  }
  entry.complete = announced.complete;
  entry.zone = announced.zone;
}

void HandOutSwarm::Remove(Slot slot) {
  RemoveFromKind(slot);
  RemoveFromWaiting(slot);
  index_.erase(entries_.at(slot).peer);
  entries_.Remove(slot);
}

void HandOutSwarm::AddToKind(Slot slot, Kind kind) {
  HandOutEntry& entry = entries_.at(slot);
  entry.kind = kind;
  entry.place = static_cast<Slot>(by_kind_[kind].size());
  by_kind_[kind].push_back(slot);
}

void HandOutSwarm::RemoveFromKind(Slot slot) {
  const HandOutEntry& entry = entries_.at(slot);
  std::vector<Slot>& list = by_kind_[entry.kind];
  list[entry.place] = list.back();
  entries_.at(list[entry.place]).place = entry.place;
  list.pop_back();
}

void HandOutSwarm::AddToWaiting(Slot slot) {
  entries_.at(slot).waiting_place = static_cast<Slot>(waiting_.size());
  waiting_.push_back(slot);
}

void HandOutSwarm::RemoveFromWaiting(Slot slot) {
  HandOutEntry& entry = entries_.at(slot);
  if (entry.waiting_place == kNoSlot) return;
  waiting_[entry.waiting_place] = waiting_.back();
  entries_.at(waiting_.back()).waiting_place = entry.waiting_place;
  waiting_.pop_back();
  entry.waiting_place = kNoSlot;
}

std::vector<PeerInfo> HandOutSwarm::Select(Instant now, Slot asking, int want) {
  std::vector<PeerInfo> answer;
  if (entries_.at(asking).complete || want <= 0) return answer;
  want = std::min(want, config_.max_peers);
  std::vector<Slot> chosen;
  chosen.reserve(static_cast<size_t>(want));
  const int incomplete = static_cast<int>(by_kind_[Kind::kIncomplete].size()) - 1;
  const int kept =
      std::clamp(static_cast<int>(want * config_.incomplete_share), 0, std::max(incomplete, 0));
  Sample(Kind::kComplete, want - kept, now, asking, chosen);
  const int room = want - static_cast<int>(chosen.size());
  Sample(Kind::kOrigin, std::min(config_.max_origins, std::max(room - kept, 1)), now, asking,
         chosen);
  Sample(Kind::kIncomplete, want - static_cast<int>(chosen.size()), now, asking, chosen);
  answer.reserve(chosen.size());
  for (Slot slot : chosen) {
    HandOutEntry& entry = entries_.at(slot);
    ++entry.handed_out;
    answer.push_back(InfoOf(entry));
  }
  return answer;
}

// Draws pairs and takes the one that was handed out less: that keeps the numbers of links even,
// where plain chance would give the first to join ten times the links of the last.
void HandOutSwarm::Sample(Kind kind, int count, Instant now, Slot asking,
                          std::vector<Slot>& chosen) {
  const std::vector<Slot>& list = by_kind_[kind];
  if (list.empty()) return;
  const HandOutEntry& asking_entry = entries_.at(asking);
  for (int i = 0; i < count; ++i) {
    const bool far = random_->Bernoulli(config_.far_share);
    Slot best = kNoSlot;
    int seen = 0;
    for (int draw = 0; draw < kDrawsPerPeer && seen < 2; ++draw) {
      const Slot slot = list[static_cast<size_t>(random_->Uniform(list.size()))];
      if (!IsEligible(slot, now, asking, chosen)) continue;
      const HandOutEntry& entry = entries_.at(slot);
      if (!FitsZone(asking_entry, entry, far)) continue;
      ++seen;
      if (best == kNoSlot || entry.handed_out < entries_.at(best).handed_out) best = slot;
    }
    if (best == kNoSlot) best = FirstEligible(list, now, asking, chosen);
    if (best == kNoSlot) return;
    chosen.push_back(best);
  }
}

// Any eligible peer, of whatever zone, from a random place on; kNoSlot if none is found soon.
Slot HandOutSwarm::FirstEligible(absl::Span<const Slot> list, Instant now, Slot asking,
                                 absl::Span<const Slot> chosen) {
  const size_t start = static_cast<size_t>(random_->Uniform(list.size()));
  for (size_t i = 0; i < std::min(list.size(), kMostLookedAt); ++i) {
    const Slot slot = list[(start + i) % list.size()];
    if (IsEligible(slot, now, asking, chosen)) return slot;
  }
  return kNoSlot;
}

bool HandOutSwarm::IsEligible(Slot slot, Instant now, Slot asking,
                              absl::Span<const Slot> chosen) const {
  return slot != asking && IsAlive(slot, now) &&
         std::find(chosen.begin(), chosen.end(), slot) == chosen.end();
}

bool HandOutSwarm::IsAlive(Slot slot, Instant now) const {
  const HandOutEntry& entry = entries_.at(slot);
  return entry.expires > now && peers_.expires(entry.peer) > now;
}

bool HandOutSwarm::FitsZone(const HandOutEntry& asking, const HandOutEntry& other, bool far) {
  if (asking.zone == 0 || other.zone == 0) return true;
  return (asking.zone != other.zone) == far;
}

std::vector<PeerPush> HandOutSwarm::PushNewcomer(Instant now, Slot newcomer,
                                                 absl::Span<const PeerInfo> told) {
  std::vector<PeerPush> pushes;
  std::vector<Slot> put_back;
  const PeerInfo info = InfoOf(entries_.at(newcomer));
  while (static_cast<int>(pushes.size()) < config_.max_pushes_per_join && !waiting_.empty()) {
    const Slot slot = waiting_[static_cast<size_t>(random_->Uniform(waiting_.size()))];
    RemoveFromWaiting(slot);
    HandOutEntry& entry = entries_.at(slot);
    if (slot == newcomer || !IsAlive(slot, now)) continue;
    const PeerId recipient = peers_.at(entry.peer).info.id;
    const bool is_told = std::any_of(told.begin(), told.end(),
                                     [&](const PeerInfo& peer) { return peer.id == recipient; });
    // Whoever was told dials; that meets the want as well.
    if (--entry.unmet_want > 0) put_back.push_back(slot);
    if (!is_told) pushes.push_back({.recipient = recipient, .peer = info});
  }
  for (Slot slot : put_back) AddToWaiting(slot);
  return pushes;
}

void HandOutSwarm::NoteUnmetWant(Slot slot, int want) {
  HandOutEntry& entry = entries_.at(slot);
  entry.unmet_want = std::max(want, 0);
  if (entry.unmet_want == 0) {
    RemoveFromWaiting(slot);
  } else if (entry.waiting_place == kNoSlot) {
    AddToWaiting(slot);
  }
}

}  // namespace kraken::swarm
