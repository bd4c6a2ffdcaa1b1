#ifndef KRAKEN_SIM_EVENT_QUEUE_H_
#define KRAKEN_SIM_EVENT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <utility>
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
};

// Events in order of time, first scheduled first among equals, so that a run is the same each time.
// A four-way heap: half the cache misses of a binary one. Not thread safe.
class EventQueue {
 public:
  // REQUIRES: at >= now().
  void Schedule(int64_t at, EventKind kind, uint32_t a, uint32_t b = 0, uint32_t c = 0) {
    heap_.push_back({at, next_sequence_++, kind, a, b, c});
    SiftUp(heap_.size() - 1);
  }

  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  int64_t now() const { return now_; }
  int64_t next_at() const { return heap_.front().at; }

  // Takes the first event and moves time on to it. REQUIRES: !empty().
  Event Pop() {
    const Event first = heap_.front();
    const Event last = heap_.back();
    heap_.pop_back();
    if (!heap_.empty()) SiftDown(last);
    now_ = first.at;
    return first;
  }

 private:
  static constexpr size_t kWays = 4;

  void SiftUp(size_t at) {
    const Event event = heap_[at];
    while (at > 0) {
      const size_t parent = (at - 1) / kWays;
      if (!(event < heap_[parent])) break;
      heap_[at] = heap_[parent];
      at = parent;
    }
    heap_[at] = event;
  }

  void SiftDown(const Event& event) {
    const size_t size = heap_.size();
    size_t at = 0;
    while (true) {
      const size_t first = at * kWays + 1;
      if (first >= size) break;
      const size_t end = first + kWays < size ? first + kWays : size;
      size_t least = first;
      for (size_t child = first + 1; child < end; ++child) {
        if (heap_[child] < heap_[least]) least = child;
      }
      if (!(heap_[least] < event)) break;
      heap_[at] = heap_[least];
      at = least;
    }
    heap_[at] = event;
  }

  std::vector<Event> heap_;
  uint64_t next_sequence_ = 0;
  int64_t now_ = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_EVENT_QUEUE_H_
