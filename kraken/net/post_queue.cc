#include "kraken/net/post_queue.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"

namespace kraken::net {

PostQueue::PostQueue() : wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  KH_CHECK(wake_fd_.valid());
}

bool PostQueue::Push(Function fn) {
  bool wake = false;
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return false;
    wake = waiting_.empty();
    if (wake) oldest_ = EventLoop::MonotonicNow();
    waiting_.push_back(std::move(fn));
    ++stats_.posted;
    stats_.queue_depth_peak = std::max(stats_.queue_depth_peak, waiting_.size());
    // The descriptor is written under the lock: Take() never reads a wake-up whose function it
    // has not seen, and one write serves all that wait.
    if (wake) {
      const uint64_t one = 1;
      KH_CHECK(::write(wake_fd_.get(), &one, sizeof(one)) == sizeof(one));
    }
  }
  return true;
}

void PostQueue::Take(std::vector<Function>* out) {
  absl::MutexLock lock(&mutex_);
  uint64_t count = 0;
  // EAGAIN: nothing was posted since the last call.
  (void)!::read(wake_fd_.get(), &count, sizeof(count));
  if (waiting_.empty()) return;
  stats_.last_post_delay = EventLoop::MonotonicNow() - oldest_;
  out->swap(waiting_);
}

std::vector<PostQueue::Function> PostQueue::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  return std::move(waiting_);
}

EventLoopStats PostQueue::stats() const {
  absl::MutexLock lock(&mutex_);
  EventLoopStats stats = stats_;
  stats.queue_depth = waiting_.size();
  return stats;
}

}  // namespace kraken::net
