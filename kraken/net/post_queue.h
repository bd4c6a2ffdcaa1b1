#ifndef KRAKEN_NET_POST_QUEUE_H_
#define KRAKEN_NET_POST_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/clock.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/event_loop.h"

namespace kraken::net {

// The functions posted to a loop, and the eventfd that wakes it. Shared by the loop and its
// handles, so that a handle may outlive the loop. Thread-safe.
class PostQueue {
 public:
  using Function = absl::AnyInvocable<void()>;

  PostQueue();

  int wake_fd() const { return wake_fd_.get(); }
  // False, and `fn` destroyed by the caller, after Close().
  bool Push(Function fn);
  // Moves everything that waits into `out` (which is empty), and rearms the wake-up.
  void Take(std::vector<Function>* out);
  // Refuses further functions and returns those that waited, for the caller to destroy.
  std::vector<Function> Close();

  void SetOwner(std::thread::id owner) { owner_.store(owner, std::memory_order_release); }
  bool IsOwner() const {
    return owner_.load(std::memory_order_acquire) == std::this_thread::get_id();
  }
  bool HasNoOwner() const { return owner_.load(std::memory_order_acquire) == std::thread::id(); }
  EventLoopStats stats() const;

 private:
  const UniqueFd wake_fd_;
  std::atomic<std::thread::id> owner_{};
  mutable absl::Mutex mutex_;
  std::vector<Function> waiting_ ABSL_GUARDED_BY(mutex_);
  MonotonicTime oldest_ ABSL_GUARDED_BY(mutex_);  // when waiting_'s first was posted
  EventLoopStats stats_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_POST_QUEUE_H_
