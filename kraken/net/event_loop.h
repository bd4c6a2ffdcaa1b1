#ifndef KRAKEN_NET_EVENT_LOOP_H_
#define KRAKEN_NET_EVENT_LOOP_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"

struct event;
struct event_base;

namespace kraken::net {

class EventLoop;
class PostQueue;

// Names a timer of one EventLoop. Ids are never used twice by a loop.
enum class TimerId : uint64_t { kNone = 0 };

// What a loop's queue of posted functions has seen. The queue has no bound (a refusal could not be
// handled by those who post completions), so its depth is measured for an operator to watch.
struct EventLoopStats {
  uint64_t posted = 0;             // functions accepted by Post() so far
  size_t queue_depth = 0;          // functions waiting now
  size_t queue_depth_peak = 0;     // the most that ever waited
  absl::Duration last_post_delay;  // from Post() to the run of the newest batch's first function
};

// A reference to a loop that may outlive it. Thread-safe; copies are cheap. What is posted after
// the loop's death is destroyed unrun, on the calling thread.
class LoopHandle {
 public:
  LoopHandle() = default;

  // Runs `fn` in the loop's thread, after everything posted before. False if the loop is gone.
  bool Post(absl::AnyInvocable<void()> fn) const;
  bool IsInLoopThread() const;
  explicit operator bool() const { return queue_ != nullptr; }

 private:
  friend class EventLoop;
  explicit LoopHandle(std::shared_ptr<PostQueue> queue) : queue_(std::move(queue)) {}

  std::shared_ptr<PostQueue> queue_;
};

// One thread's loop over file descriptors, timers and posted functions (libevent underneath).
//
// Thread safety: Post(), Stop(), IsInLoopThread(), handle() and stats() may be called from any
// thread. Everything else belongs to the thread that calls Run(), or, before Run(), to the one that
// sets the loop up. A callback must not block.
//
// The first loop of a process makes it ignore SIGPIPE: a peer that goes away is an error of the
// write, never the end of the process.
class EventLoop {
 public:
  // A loop's thread-local buffer for reading sockets; see scratch().
  static constexpr size_t kScratchBytes = 64 * 1024;

  EventLoop();
  // REQUIRES: not running. Timers and posted functions that did not run are destroyed.
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs callbacks until Stop(). May be called again afterwards, from any one thread.
  void Run();
  // Makes Run() return once the functions posted before this call have run. Thread-safe.
  void Stop();

  // Runs `fn` in the loop's thread, in the order of posting. Thread-safe, never blocks. False if
  // the loop is being destroyed.
  bool Post(absl::AnyInvocable<void()> fn);
  // As Post() for callers in the loop's thread, without a lock or a system call: runs `fn` when the
  // current callback has returned. Used to leave a callback's stack before calling others.
  void Defer(absl::AnyInvocable<void()> fn);

  // Runs `fn` once, `delay` from now (at once, but never inside this call, if it is <= 0).
  TimerId RunAfter(absl::Duration delay, absl::AnyInvocable<void()> fn);
  // False if the timer has run or is unknown. After true, `fn` is destroyed and will not run.
  bool CancelTimer(TimerId id);

  // CLOCK_MONOTONIC.
  static MonotonicTime MonotonicNow();

  bool IsInLoopThread() const;
  // Whether the calling thread may touch what belongs to the loop: it runs the loop, or nobody
  // does.
  bool IsUsableHere() const;
  LoopHandle handle() const { return LoopHandle(queue_); }
  EventLoopStats stats() const;

  // kScratchBytes that whoever reads a socket may use until control returns to the loop: thousands
  // of idle connections share one buffer. What must be kept is copied out. Never use it in a
  // callback of someone who may be using it: only directly below an FdHandler or Defer() callback.
  absl::Span<char> scratch();

  event_base* base() { return base_; }

 private:
  struct Timer;

  void DrainPosted();
  void RunDeferred();
  void RunTimer(TimerId id);
  static void OnWake(int fd, int16_t what, void* self);
  static void OnDeferred(int fd, int16_t what, void* self);

  event_base* base_;
  std::shared_ptr<PostQueue> queue_;
  event* wake_event_;
  event* deferred_event_;
  std::vector<absl::AnyInvocable<void()>> deferred_;
  absl::flat_hash_map<TimerId, std::unique_ptr<Timer>> timers_;
  uint64_t next_timer_ = 1;
  std::unique_ptr<char[]> scratch_;
};

// What may be tried on a descriptor without blocking. An error or a hang-up is reported as both
// readable and writable: the next call on the descriptor tells.
struct FdEvents {
  bool readable = false;
  bool writable = false;
  // The peer of a socket has ended its direction: an end follows the bytes that can be read. A
  // reset is not told apart from readiness: only a read, or a write, that fails tells it.
  bool peer_closed = false;
};

// Receives readiness of a watched file descriptor.
class FdHandler {
 public:
  virtual ~FdHandler() = default;
  // The watcher, and its owner, may be destroyed inside this call.
  virtual void OnFdReady(FdEvents events) = 0;
};

// Watches one descriptor while it lives. Belongs to its loop's thread.
class FdWatcher {
 public:
  enum class Mode {
    // Level-triggered, readable only: reported as long as there is something to read.
    kLevelRead,
    // Edge-triggered in both directions: reported once per change, so that the handler reads or
    // writes until EAGAIN, or remembers that it did not. No system call to pause or resume.
    kEdgeReadWrite,
  };

  // Does not own `fd`; destroy the watcher before closing it.
  FdWatcher(EventLoop* loop, int fd, FdHandler* handler, Mode mode);
  ~FdWatcher();
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;

 private:
  static void OnEvent(int fd, int16_t what, void* self);

  FdHandler* handler_;
  event* event_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_EVENT_LOOP_H_
