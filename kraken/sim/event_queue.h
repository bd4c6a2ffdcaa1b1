#ifndef KRAKEN_SIM_EVENT_QUEUE_H_
#define KRAKEN_SIM_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

namespace kraken::sim {

// What an event is about; the meaning of a, b and c is up to whoever schedules it.
enum class EventKind : uint32_t {
  kCall,          // a: index of a stored call
  kWake,          // a: host, b: number of its wake-up
  kHave,          // a: link end, b: piece, c: load
  kHaveBatch,     // a: link end, b: stored batch
  kRequest,       // a: link end, b: piece
  kCancel,        // a: link end, b: piece
  kReject,        // a: link end, b: piece
  kChunkSent,     // a: transfer, b: bytes
  kChunkCrossed,  // a: transfer, b: bytes: is out of its zone
  kChunkArrived,  // a: transfer, b: bytes
  kChunkAcked,    // a: transfer
  kPieceDone,     // a: transfer
};

struct Event {
  int64_t at;         // virtual nanoseconds
  uint64_t sequence;  // order of scheduling, which decides among equal times
  EventKind kind;
  uint32_t a;
  uint32_t b;
  uint32_t c;

  bool operator<(const Event& other) const {
    return at != other.at ? at < other.at : sequence < other.sequence;
  }
  bool operator>(const Event& other) const { return other < *this; }
};

// Events in order of time, first scheduled first among equals, so that a run is the same each time.
//
// A calendar, for almost every event is due soon after its scheduling. The next milliseconds are
// divided into short slots, the next seconds into long ones; each has its events, in no order. A
// long slot is dealt out to short ones before its turn comes; a short one is sorted, a little
// early, so that the next events are known before they are due (Ahead). What is due later still
// waits in a heap. Not thread safe.
class EventQueue {
 public:
  EventQueue();

  // REQUIRES: at >= now().
  void Schedule(int64_t at, EventKind kind, uint32_t a, uint32_t b = 0, uint32_t c = 0);

  bool empty() const { return size() == 0; }
  size_t size() const {
    return sorted_.size() - first_ + in_short_slots_ + in_long_slots_ + later_.size();
  }
  int64_t now() const { return now_; }
  // When the first event is due. REQUIRES: !empty().
  int64_t next_at() {
    if (sorted_.size() - first_ < kAhead) SortAhead();
    return sorted_[first_].at;
  }

  // Takes the first event and moves time on to it. REQUIRES: !empty().
  Event Pop() {
    now_ = next_at();
    return sorted_[first_++];
  }

  // The event that comes after `count` < kAhead others, if it is soon; else null. Whatever is
  // scheduled until then may still come before it. Valid until the next call.
  const Event* Ahead(size_t count) const {
    return sorted_.size() - first_ > count ? &sorted_[first_ + count] : nullptr;
  }

  static constexpr size_t kAhead = 32;

 private:
  // A short slot lasts 2^kShortBits ns, a long one 2^kLongBits. Short ones are there for the long
  // one in which sorted_until_ is and the one after it.
  static constexpr int kShortBits = 9;
  static constexpr int kLongBits = 22;
  static constexpr size_t kShortSlots = size_t{2} << (kLongBits - kShortBits);
  static constexpr int64_t kLongSlots = 256;
  static constexpr uint32_t kNone = ~uint32_t{0};

  // Some events of a slot, and the slot's next block.
  struct alignas(64) Block {
    static constexpr uint32_t kEvents = 7;
    Event events[kEvents];
    uint32_t next;
  };

  // The blocks of a slot. All but the first are full, so that to add an event reads no block.
  struct List {
    uint32_t first = kNone;
    uint32_t in_first = Block::kEvents;
  };

  // Puts the event where it belongs. REQUIRES: it is not due before sorted_until_.
  void Place(const Event& event);
  void AddToList(List& list, const Event& event);
  // Calls take(event) for each event of the list, and empties it.
  template <typename F>
  void TakeList(List& list, F&& take);
  // Sorts slots until kAhead events are sorted, of those that are soon; at least one event.
  void SortAhead();
  // Sorts the first short slot with events, if `soon` only if it is soon; false if there is none.
  bool SortSlot(bool soon);
  // All that is due in the long slots up to sorted_until_'s and the next is in short ones.
  void DealOut();

  // Sorted, from first_ on: everything that is due before sorted_until_, a multiple of a slot.
  std::vector<Event> sorted_;
  size_t first_ = 0;
  int64_t sorted_until_ = 0;
  // The last long slot that has been dealt out.
  int64_t dealt_out_ = 1;
  // By the time's slot, modulo their number.
  std::vector<List> short_slots_;
  std::vector<List> long_slots_;
  // One bit for each short slot that has events.
  std::vector<uint64_t> used_;
  size_t in_short_slots_ = 0;
  size_t in_long_slots_ = 0;
  std::vector<Block> blocks_;
  uint32_t free_block_ = kNone;
  // The rest.
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> later_;

  uint64_t next_sequence_ = 0;
  int64_t now_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_EVENT_QUEUE_H_
