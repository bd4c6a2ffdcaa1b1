#include "kraken/base/worker_pool.h"

#include <pthread.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"

namespace kraken {
namespace {

// The kernel's limit, without the final NUL (pthread_setname_np(3)).
constexpr size_t kMaxThreadNameLength = 15;

}  // namespace

WorkerPool::WorkerPool(int threads, size_t max_queue, absl::string_view name)
    : max_queue_(max_queue) {
  KH_CHECK(threads > 0);
  KH_CHECK(max_queue > 0);
  const std::string thread_name(name.substr(0, kMaxThreadNameLength));
  absl::MutexLock lock(&join_mutex_);
  threads_.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, thread_name] { Run(thread_name); });
  }
}

WorkerPool::~WorkerPool() { Shutdown(); }

absl::Status WorkerPool::Submit(Task task) {
  absl::MutexLock lock(&mutex_);
  if (stopping_) return absl::UnavailableError("worker pool: shutting down");
  if (queue_.size() >= max_queue_) {
    return absl::ResourceExhaustedError(absl::StrCat("worker pool: ", max_queue_, " tasks wait"));
  }
  queue_.push_back(std::move(task));
  return absl::OkStatus();
}

void WorkerPool::Shutdown() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  absl::MutexLock lock(&join_mutex_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

size_t WorkerPool::queue_length() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

void WorkerPool::WaitIdle() const {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(this, &WorkerPool::IsIdle));
}

void WorkerPool::Run(const std::string& thread_name) {
  ::pthread_setname_np(::pthread_self(), thread_name.c_str());
  mutex_.Lock();
  while (true) {
    mutex_.Await(absl::Condition(this, &WorkerPool::HasWorkOrStops));
    if (queue_.empty()) break;
    Task task = std::move(queue_.front());
    queue_.pop_front();
    ++running_;
    mutex_.Unlock();
    std::move(task)();
    task = nullptr;  // What it captured dies outside the lock.
    mutex_.Lock();
    --running_;
  }
  mutex_.Unlock();
}

bool WorkerPool::HasWorkOrStops() const { return stopping_ || !queue_.empty(); }

bool WorkerPool::IsIdle() const { return running_ == 0 && queue_.empty(); }

}  // namespace kraken
