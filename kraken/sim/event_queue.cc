#include "kraken/sim/event_queue.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "kraken/base/prefetch.h"

namespace kraken::sim {
namespace {

constexpr size_t kWordBits = 64;

// Events that have been taken are dropped so many at a time.
constexpr size_t kDropAtOnce = 1024;

// Slots are sorted early no further ahead, so that few events are scheduled among those sorted.
constexpr int64_t kSoonNanos = 1 << 14;

}  // namespace

EventQueue::EventQueue()
    : short_slots_(kShortSlots), long_slots_(kLongSlots), used_(kShortSlots / kWordBits) {}

void EventQueue::Schedule(int64_t at, EventKind kind, uint32_t a, uint32_t b, uint32_t c) {
  const Event event{at, next_sequence_++, kind, a, b, c};
  if (at >= sorted_until_) return Place(event);
  // It is the last of its time.
  auto place = sorted_.end();
  const auto begin = sorted_.begin() + static_cast<std::ptrdiff_t>(first_);
  while (place != begin && (place - 1)->at > at) --place;
  sorted_.insert(place, event);
}

void EventQueue::Place(const Event& event) {
  const int64_t long_slot = event.at >> kLongBits;
  if (long_slot <= dealt_out_) {
    const size_t slot = static_cast<size_t>(event.at >> kShortBits) % kShortSlots;
    AddToList(short_slots_[slot], event);
    used_[slot / kWordBits] |= uint64_t{1} << slot % kWordBits;
    ++in_short_slots_;
  } else if (long_slot - dealt_out_ <= kLongSlots) {
    AddToList(long_slots_[static_cast<size_t>(long_slot % kLongSlots)], event);
    ++in_long_slots_;
  } else {
    later_.push(event);
  }
}

void EventQueue::AddToList(List& list, const Event& event) {
  if (list.in_first == Block::kEvents) {
    uint32_t number = free_block_;
    if (number == kNone) {
      number = static_cast<uint32_t>(blocks_.size());
      blocks_.emplace_back();
    } else {
      free_block_ = blocks_[number].next;
    }
    blocks_[number].next = list.first;
    list = {.first = number, .in_first = 0};
  }
  blocks_[list.first].events[list.in_first++] = event;
}

template <typename F>
void EventQueue::TakeList(List& list, F&& take) {
  const List taken = std::exchange(list, List());
  uint32_t count = taken.in_first;
  for (uint32_t number = taken.first; number != kNone; count = Block::kEvents) {
    // `take` may add blocks, so that all of them move.
    for (uint32_t i = 0; i < count; ++i) take(Event(blocks_[number].events[i]));
    const uint32_t next = std::exchange(blocks_[number].next, free_block_);
    free_block_ = number;
    number = next;
  }
}

void EventQueue::SortAhead() {
  if (first_ >= kDropAtOnce) {
    sorted_.erase(sorted_.begin(), sorted_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
  while (sorted_.size() - first_ < kAhead) {
    const bool is_enough = first_ < sorted_.size();
    if (!is_enough && in_short_slots_ == 0) {
      // On to the next long slot, or as far as the rest is.
      const int64_t next = in_long_slots_ > 0 ? dealt_out_ : later_.top().at >> kLongBits;
      sorted_until_ = std::max(sorted_until_, next << kLongBits);
    }
    DealOut();
    if (!SortSlot(/*soon=*/is_enough) && is_enough) return;
  }
}

void EventQueue::DealOut() {
  const int64_t wanted = (sorted_until_ >> kLongBits) + 1;
  while (dealt_out_ < wanted) {
    dealt_out_ = in_long_slots_ > 0 ? dealt_out_ + 1 : wanted;
    TakeList(long_slots_[static_cast<size_t>(dealt_out_ % kLongSlots)], [this](const Event& event) {
      --in_long_slots_;
      Place(event);
    });
    while (!later_.empty() && (later_.top().at >> kLongBits) - dealt_out_ <= kLongSlots) {
      Place(later_.top());
      later_.pop();
    }
  }
}

bool EventQueue::SortSlot(bool soon) {
  if (soon && sorted_until_ - now_ >= kSoonNanos) return false;
  const size_t from = static_cast<size_t>(sorted_until_ >> kShortBits) % kShortSlots;
  size_t word = from / kWordBits;
  uint64_t bits = used_[word] & ~uint64_t{0} << from % kWordBits;
  // The last word is the first again: of its slots, those before `from`.
  for (size_t left = soon ? 1 : used_.size(); bits == 0 && left > 0; --left) {
    word = (word + 1) % used_.size();
    bits = used_[word];
  }
  if (bits == 0) return false;
  const size_t slot = word * kWordBits + static_cast<size_t>(std::countr_zero(bits));
  const size_t begin = sorted_.size();
  TakeList(short_slots_[slot], [this](const Event& event) { sorted_.push_back(event); });
  used_[word] &= ~(uint64_t{1} << slot % kWordBits);
  in_short_slots_ -= sorted_.size() - begin;
  std::sort(sorted_.begin() + static_cast<std::ptrdiff_t>(begin), sorted_.end());
  sorted_until_ = ((sorted_.back().at >> kShortBits) + 1) << kShortBits;
  // The blocks of a slot that is sorted soon.
  const uint32_t soon_taken = short_slots_[(slot + 2) % kShortSlots].first;
  if (soon_taken != kNone) {
    const Block& block = blocks_[soon_taken];
    for (const Event& event : block.events) Prefetch(&event);
    Prefetch(&block.next);
  }
  return true;
}

}  // namespace kraken::sim
