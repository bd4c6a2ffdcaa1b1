#include "kraken/net/loop_thread.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/check.h"

namespace kraken::net {

LoopThread::LoopThread(const std::string& name)
    : thread_([this, name = name.substr(0, 15)] {
        ::pthread_setname_np(::pthread_self(), name.c_str());
        loop_.Run();
      }) {}

LoopThread::~LoopThread() { Join(); }

void LoopThread::Join() {
  if (!thread_.joinable()) return;
  KH_CHECK(!loop_.IsInLoopThread());
  loop_.Stop();
  thread_.join();
}

void LoopThread::RunAndWait(absl::AnyInvocable<void()> fn) {
  KH_CHECK(!loop_.IsInLoopThread());
  absl::Notification done;
  KH_CHECK(loop_.Post([&fn, &done] {
    fn();
    done.Notify();
  }));
  done.WaitForNotification();
}

LoopPool::LoopPool(const std::string& name, size_t size) {
  KH_CHECK(size >= 1);
  for (size_t i = 0; i < size; ++i) {
    threads_.push_back(std::make_unique<LoopThread>(absl::StrCat(name, "-", i)));
  }
}

EventLoop& LoopPool::Next() {
  return at(next_.fetch_add(1, std::memory_order_relaxed) % threads_.size());
}

std::vector<EventLoop*> LoopPool::loops() {
  std::vector<EventLoop*> result;
  for (auto& thread : threads_) result.push_back(&thread->loop());
  return result;
}

void LoopPool::Join() {
  for (auto& thread : threads_) thread->Join();
}

}  // namespace kraken::net
