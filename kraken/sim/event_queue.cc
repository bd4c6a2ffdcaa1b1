#include "kraken/sim/event_queue.h"

#include <algorithm>
#include <bit>

namespace kraken::sim {
namespace {

constexpr size_t kWordBits = 64;

// Events that have been taken are dropped so many at a time.
constexpr size_t kDropAtOnce = 1024;

// Slots are sorted early no further ahead, so that few events are scheduled among those sorted.
constexpr int64_t kSoonNanos = 1 << 14;

}  // namespace

EventQueue::EventQueue() : slots_(kSlots, kNone), used_(kSlots / kWordBits) {}

void EventQueue::Schedule(int64_t at, EventKind kind, uint32_t a, uint32_t b, uint32_t c) {
  const Event event{at, next_sequence_++, kind, a, b, c};
  if (at < sorted_until_) {
    // It is the last of its time.
    auto place = sorted_.end();
    const auto begin = sorted_.begin() + static_cast<std::ptrdiff_t>(first_);
    while (place != begin && (place - 1)->at > at) --place;
    sorted_.insert(place, event);
  } else if (at - sorted_until_ < kSpan) {
    AddToSlot(event);
  } else {
    later_.push(event);
  }
}

void EventQueue::AddToSlot(const Event& event) {
  uint32_t number = free_node_;
  if (number == kNone) {
    number = static_cast<uint32_t>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_node_ = nodes_[number].next;
  }
  const size_t slot = static_cast<size_t>(event.at >> kSlotBits) % kSlots;
  nodes_[number] = {.event = event, .next = slots_[slot]};
  slots_[slot] = number;
  used_[slot / kWordBits] |= uint64_t{1} << slot % kWordBits;
  ++in_slots_;
}

void EventQueue::SortAhead() {
  if (first_ >= kDropAtOnce) {
    sorted_.erase(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  while (sorted_.size() - first_ < kAhead) {
    const bool is_enough = first_ < sorted_.size();
    if (!is_enough && in_slots_ == 0) {
      sorted_until_ = later_.top().at >> kSlotBits << kSlotBits;
    }
    while (!later_.empty() && later_.top().at - sorted_until_ < kSpan) {
      AddToSlot(later_.top());
      later_.pop();
    }
    const size_t slot = NextUsedSlot(/*soon=*/is_enough);
    if (slot == kSlots) return;
    SortSlot(slot);
  }
}

void EventQueue::SortSlot(size_t slot) {
  const size_t begin = sorted_.size();
  for (uint32_t number = slots_[slot]; number != kNone;) {
    Node& node = nodes_[number];
    const uint32_t next = node.next;
    sorted_.push_back(node.event);
    node.next = free_node_;
    free_node_ = number;
    number = next;
  }
  slots_[slot] = kNone;
  used_[slot / kWordBits] &= ~(uint64_t{1} << slot % kWordBits);
  in_slots_ -= sorted_.size() - begin;
  // A list begins with what was scheduled last.
  const auto first = sorted_.begin() + static_cast<std::ptrdiff_t>(begin);
  std::reverse(first, sorted_.end());
  std::sort(first, sorted_.end());
  sorted_until_ = ((sorted_.back().at >> kSlotBits) + 1) << kSlotBits;
}

size_t EventQueue::NextUsedSlot(bool soon) const {
  const size_t from = static_cast<size_t>(sorted_until_ >> kSlotBits) % kSlots;
  size_t word = from / kWordBits;
  uint64_t bits = used_[word] & ~uint64_t{0} << from % kWordBits;
  // The last word is the first again: of its slots, those before `from`.
  const size_t words = soon ? (sorted_until_ - now_ < kSoonNanos ? 2 : 0) : used_.size() + 1;
  for (size_t i = 0; i < words; ++i) {
    if (bits != 0) return word * kWordBits + static_cast<size_t>(std::countr_zero(bits));
    word = (word + 1) % used_.size();
    bits = used_[word];
  }
  return kSlots;
}

}  // namespace kraken::sim
