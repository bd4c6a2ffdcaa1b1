#ifndef KRAKEN_NET_LOOP_THREAD_H_
#define KRAKEN_NET_LOOP_THREAD_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "kraken/net/event_loop.h"

namespace kraken::net {

// A thread that runs one EventLoop from construction to Join() or destruction.
// Thread-safe: loop(); everything else belongs to the owner.
class LoopThread {
 public:
  // `name` is what `top -H` and a debugger show (at most 15 bytes of it).
  explicit LoopThread(const std::string& name);
  // Joins.
  ~LoopThread();
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  EventLoop& loop() { return loop_; }

  // Stops the loop and waits for the thread. Functions posted before this call have run.
  // REQUIRES: not called in the loop's thread.
  void Join();
  // Runs `fn` in the loop's thread and waits until it has returned.
  // REQUIRES: not called in the loop's thread, not joined.
  void RunAndWait(absl::AnyInvocable<void()> fn);

 private:
  EventLoop loop_;
  std::thread thread_;
};

// N loop threads, handed out in turn. Next() and the accessors are thread-safe.
class LoopPool {
 public:
  // REQUIRES: size >= 1.
  LoopPool(const std::string& name, size_t size);

  size_t size() const { return threads_.size(); }
  EventLoop& at(size_t i) { return threads_[i]->loop(); }
  EventLoop& Next();
  std::vector<EventLoop*> loops();
  // Joins every thread.
  void Join();

 private:
  std::vector<std::unique_ptr<LoopThread>> threads_;
  std::atomic<size_t> next_{0};
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_LOOP_THREAD_H_
