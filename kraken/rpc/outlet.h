#ifndef KRAKEN_RPC_OUTLET_H_
#define KRAKEN_RPC_OUTLET_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace kraken::rpc {

// The writing end of a stream, as its user holds it: a bounded queue of messages that gRPC takes
// one at a time. It may outlive the stream; what is then written is dropped. Thread-safe.
//
// A reactor attaches three functions, which are called with no lock held and never both at once
// with an earlier call of the same: `write` to begin writing a message that stays valid until
// OnWriteDone; `finish` once the queue is empty after Finish(); and `cancel` to make gRPC give up a
// write that the reader does not take, so that OnWriteDone comes (`finish` is still called, later).
template <typename Message>
class Outlet {
 public:
  explicit Outlet(size_t max_queued) : max_queued_(max_queued) {}
  Outlet(const Outlet&) = delete;
  Outlet& operator=(const Outlet&) = delete;

  // False if the stream has ended, or if its reader is so slow that the queue is full: the stream
  // is then aborted with RESOURCE_EXHAUSTED, as a message must not be lost silently.
  bool Write(Message message) {
    bool is_full = false;
    {
      absl::MutexLock lock(&mu_);
      if (ended_ || finish_status_.has_value()) return false;
      is_full = queue_.size() >= max_queued_;
      if (!is_full) queue_.push_back(std::move(message));
    }
    if (is_full) {
      Abort(absl::ResourceExhaustedError("the reader of the stream is too slow"));
    } else {
      Pump();
    }
    return !is_full;
  }

  // Ends the stream after what was written so far. Only the first call counts.
  void Finish(absl::Status status) {
    {
      absl::MutexLock lock(&mu_);
      if (ended_ || finish_status_.has_value()) return;
      finish_status_ = std::move(status);
    }
    Pump();
  }

  // Ends the stream now, though its reader may take nothing any more: what waits is dropped, and
  // the write under way is given up (the reader may then see CANCELLED instead of `status`). After
  // Finish() its status stays.
  void Abort(absl::Status status) {
    std::function<void()> cancel;
    {
      absl::MutexLock lock(&mu_);
      if (ended_ || cancelling_) return;
      if (!finish_status_.has_value()) finish_status_ = std::move(status);
      queue_.resize(busy_ ? 1 : 0);
      if (busy_) cancel = cancel_;
      cancelling_ = cancel != nullptr;  // keeps the reactor, which ends with `finish`
    }
    if (cancel != nullptr) {
      cancel();
      absl::MutexLock lock(&mu_);
      cancelling_ = false;
    }
    Pump();
  }

  // Messages that its reader has not taken yet, the one under way included.
  size_t queued() const {
    absl::MutexLock lock(&mu_);
    return queue_.size();
  }

  bool ended() const {
    absl::MutexLock lock(&mu_);
    return ended_ || finish_status_.has_value();
  }

  // ---- For the reactor ----

  void Attach(std::function<void(const Message*)> write,
              std::function<void(const absl::Status&)> finish, std::function<void()> cancel) {
    {
      absl::MutexLock lock(&mu_);
      write_ = std::move(write);
      finish_ = std::move(finish);
      cancel_ = std::move(cancel);
    }
    Pump();
  }

  void OnWriteDone(bool ok) {
    {
      absl::MutexLock lock(&mu_);
      busy_ = false;
      if (!queue_.empty()) queue_.pop_front();
      if (!ok) queue_.clear();
    }
    Pump();
  }

  // The reactor is about to go: nothing is called any more after this returns, unless it is running
  // on another thread, which the reactor's own reference count rules out.
  void Detach() {
    absl::MutexLock lock(&mu_);
    ended_ = true;
    write_ = nullptr;
    finish_ = nullptr;
    cancel_ = nullptr;
    queue_.clear();
  }

 private:
  void Pump() {
    std::function<void(const Message*)> write;
    std::function<void(const absl::Status&)> finish;
    const Message* message = nullptr;
    absl::Status status;
    {
      absl::MutexLock lock(&mu_);
      if (ended_ || busy_ || cancelling_ || write_ == nullptr) return;
      if (!queue_.empty()) {
        busy_ = true;
        message = &queue_.front();  // a deque does not move it when others are pushed
        write = write_;
      } else if (finish_status_.has_value()) {
        ended_ = true;
        status = *finish_status_;
        finish = finish_;
      }
    }
    if (message != nullptr) write(message);
    if (finish != nullptr) finish(status);
  }

  const size_t max_queued_;
  mutable absl::Mutex mu_;
  std::deque<Message> queue_ ABSL_GUARDED_BY(mu_);
  bool busy_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelling_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> finish_status_ ABSL_GUARDED_BY(mu_);
  std::function<void(const Message*)> write_ ABSL_GUARDED_BY(mu_);
  std::function<void(const absl::Status&)> finish_ ABSL_GUARDED_BY(mu_);
  std::function<void()> cancel_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_OUTLET_H_
