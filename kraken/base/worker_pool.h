#ifndef KRAKEN_BASE_WORKER_POOL_H_
#define KRAKEN_BASE_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace kraken {

// A fixed number of threads that run blocking work (disk, SQLite, backend fetches) from one bounded
// queue, first come first served. A task says that it is done by posting into a loop.
//
// Thread safe. Submit never blocks: a full queue is an answer, which the caller passes on.
class WorkerPool {
 public:
  using Task = absl::AnyInvocable<void()>;

  // `max_queue` is how many tasks may wait beyond those that run. `name` (at most 15 bytes are
  // used) names the threads. REQUIRES: threads > 0, max_queue > 0.
  WorkerPool(int threads, size_t max_queue, absl::string_view name = "worker");

  // As Shutdown().
  ~WorkerPool();

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // RESOURCE_EXHAUSTED if the queue is full, UNAVAILABLE after Shutdown began; `task` is then
  // destroyed without having run. Tasks must not throw.
  absl::Status Submit(Task task) ABSL_LOCKS_EXCLUDED(mutex_);

  // Takes no more tasks, runs all that were taken, joins the threads. Again: no effect.
  // REQUIRES: not called from a task.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mutex_);

  // Tasks that wait, without those that run.
  size_t queue_length() const ABSL_LOCKS_EXCLUDED(mutex_);

  // Blocks until no task waits or runs.
  void WaitIdle() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  void Run(const std::string& thread_name) ABSL_LOCKS_EXCLUDED(mutex_);
  bool HasWorkOrStops() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  bool IsIdle() const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const size_t max_queue_;
  mutable absl::Mutex mutex_;
  std::deque<Task> queue_ ABSL_GUARDED_BY(mutex_);
  int running_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Mutex join_mutex_;
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(join_mutex_);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_WORKER_POOL_H_
