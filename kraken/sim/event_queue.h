#ifndef KRAKEN_SIM_EVENT_QUEUE_H_
#define KRAKEN_SIM_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
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
// A calendar, for almost every event is due within a few milliseconds of its scheduling: so far
// ahead each short slot of time has a list of its events, in no order. A slot is sorted when its
// turn comes, a little early, so that the next events are known before they are due (Ahead). What
// is due later waits in a heap. Not thread safe.
class EventQueue {
 public:
  EventQueue();

  // REQUIRES: at >= now().
  void Schedule(int64_t at, EventKind kind, uint32_t a, uint32_t b = 0, uint32_t c = 0);

  bool empty() const { return size() == 0; }
  size_t size() const { return sorted_.size() - first_ + in_slots_ + later_.size(); }
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
  // A slot lasts 2^kSlotBits ns; slots cover the time from sorted_until_ on for kSlots of them.
  static constexpr int kSlotBits = 8;
  static constexpr size_t kSlots = 1 << 14;
  static constexpr int64_t kSpan = int64_t{kSlots} << kSlotBits;
  static constexpr uint32_t kNone = ~uint32_t{0};

  struct Node {
    Event event;
    uint32_t next;
  };

  // Sorts slots until kAhead events are sorted, of those that are soon; at least one event.
  void SortAhead();
  void AddToSlot(const Event& event);
  void SortSlot(size_t slot);
  // The first that has events, of kSlots or, with `soon`, only of those that are soon; kSlots if
  // there is none.
  size_t NextUsedSlot(bool soon) const;

  // Sorted, from first_ on: everything that is due before sorted_until_, a multiple of a slot.
  std::vector<Event> sorted_;
  size_t first_ = 0;
  int64_t sorted_until_ = 0;
  // What is due within kSpan of sorted_until_: lists, by the time's slot, modulo kSlots.
  std::vector<uint32_t> slots_;
  // One bit for each slot that has events.
  std::vector<uint64_t> used_;
  size_t in_slots_ = 0;
  std::vector<Node> nodes_;
  uint32_t free_node_ = kNone;
  // The rest.
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> later_;

  uint64_t next_sequence_ = 0;
  int64_t now_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_EVENT_QUEUE_H_
