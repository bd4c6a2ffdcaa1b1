#ifndef HARBOR_BRIDGE_WORK_BODY_BUDGET_H_
#define HARBOR_BRIDGE_WORK_BODY_BUDGET_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace harbor_bridge {

// What a bridge has for bodies: a quarter of what it may hold at all.
inline constexpr size_t kMaxBodiesBytes = 16 << 20;

// Memory for bodies, of all senders together. Room for all of a body is taken before its first byte
// is read, so that those that are read always come to their end; who finds none waits in line, and
// his sender meanwhile writes into a socket that nobody reads. That costs him less than a refusal:
// a registry and Harbor give a request up after three seconds, a registry then rests for a second,
// and Harbor sends a webhook three times at most. Only a line in which he would wait for longer
// than that anyway is refused. While others wait, who takes longer than that to send his body is
// given up, so that a few who are slow don't hold up all. Thread-safe.
class BodyBudget {
 public:
  // A sender has given up by then.
  static constexpr absl::Duration kPatience = absl::Seconds(3);
  // Each that waits has up to 64 KiB of his body in his connection's buffer.
  static constexpr size_t kMaxWaiting = 256;

  // Room that is held, and given back when this goes. The budget outlives it.
  class Room {
   public:
    Room() = default;
    Room(Room&& other) noexcept { *this = std::move(other); }
    Room& operator=(Room&& other) noexcept {
      Release();
      budget_ = std::exchange(other.budget_, nullptr);
      bytes_ = std::exchange(other.bytes_, 0);
      return *this;
    }
    ~Room() { Release(); }

    size_t bytes() const { return bytes_; }
    // Gives back what is more than this.
    void ShrinkTo(size_t bytes);

   private:
    friend class BodyBudget;
    Room(BodyBudget* budget, size_t bytes) : budget_(budget), bytes_(bytes) {}
    void Release();

    BodyBudget* budget_ = nullptr;
    size_t bytes_ = 0;
  };

  // Says as long as it lives that a body is being read.
  class Reader {
   public:
    Reader() = default;
    Reader(Reader&& other) noexcept { *this = std::move(other); }
    Reader& operator=(Reader&& other) noexcept {
      End();
      budget_ = std::exchange(other.budget_, nullptr);
      id_ = other.id_;
      return *this;
    }
    ~Reader() { End(); }

    void End();

   private:
    friend class BodyBudget;
    Reader(BodyBudget* budget, uint64_t id) : budget_(budget), id_(id) {}

    BodyBudget* budget_ = nullptr;
    uint64_t id_ = 0;
  };

  explicit BodyBudget(size_t max_bytes, absl::Duration patience = kPatience)
      : max_bytes_(max_bytes), patience_(patience) {}
  // REQUIRES: nobody waits, reads or holds room.
  ~BodyBudget();
  BodyBudget(const BodyBudget&) = delete;
  BodyBudget& operator=(const BodyBudget&) = delete;

  // Room, if there is some and nobody waits for it. Who wants more than all gets all.
  std::optional<Room> TryTake(size_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  // Room as soon as there is some, in the order of asking; RESOURCE_EXHAUSTED when too many wait,
  // or when it has taken too long as the next one asks. `done` is called once, in this call or on
  // the thread that gives room back, and must be quick.
  using Done = absl::AnyInvocable<void(absl::StatusOr<Room>)>;
  void Take(size_t bytes, kraken::MonotonicTime now, Done done) ABSL_LOCKS_EXCLUDED(mu_);

  // A body is being read from now on. `give_up` is called at most once, on the thread of one who
  // begins to wait, if the reader has not ended when the patience is over; it must be quick.
  using GiveUp = absl::AnyInvocable<void()>;
  Reader BeginReading(kraken::MonotonicTime now, GiveUp give_up) ABSL_LOCKS_EXCLUDED(mu_);

  // Waits for it. Not on a loop, nor on a thread that gives room back.
  Room TakeAndWait(size_t bytes) ABSL_LOCKS_EXCLUDED(mu_);

  size_t max_bytes() const { return max_bytes_; }
  size_t used_bytes() const ABSL_LOCKS_EXCLUDED(mu_);
  // The most that was ever held.
  size_t peak_bytes() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t waiting() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Waiter {
    size_t bytes = 0;
    kraken::MonotonicTime since;
    bool may_be_refused = true;
    Done done;
  };

  struct Reading {
    kraken::MonotonicTime since;
    GiveUp give_up;
  };

  void Enter(Waiter waiter, kraken::MonotonicTime now) ABSL_LOCKS_EXCLUDED(mu_);
  void GiveBack(size_t bytes) ABSL_LOCKS_EXCLUDED(mu_);
  void Use(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Those who have waited for too long.
  std::vector<Waiter> Expire(kraken::MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // What gives up the readers that hold up others for too long.
  std::vector<GiveUp> Slow(kraken::MonotonicTime now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Those whose turn has come, with their room taken.
  std::vector<Waiter> Admit() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Answer(std::vector<Waiter> admitted);

  const size_t max_bytes_;
  const absl::Duration patience_;
  mutable absl::Mutex mu_;
  size_t used_ ABSL_GUARDED_BY(mu_) = 0;
  size_t peak_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Waiter> line_ ABSL_GUARDED_BY(mu_);
  uint64_t last_reader_ ABSL_GUARDED_BY(mu_) = 0;
  // In the order of their beginning.
  std::map<uint64_t, Reading> readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_BODY_BUDGET_H_
