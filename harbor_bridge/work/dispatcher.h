#ifndef HARBOR_BRIDGE_WORK_DISPATCHER_H_
#define HARBOR_BRIDGE_WORK_DISPATCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

struct DispatcherStats {
  uint64_t done = 0;
  uint64_t failed = 0;  // attempts
  int running = 0;
};

// Takes due jobs from the queue and runs them on worker threads, so many at a time. Belongs to its
// loop's thread; the queue's threads and the workers post into it.
class Dispatcher {
 public:
  // Runs one job; blocks. An error is retried unless it can't get better (INVALID_ARGUMENT,
  // UNIMPLEMENTED, FAILED_PRECONDITION).
  using Run = std::function<absl::Status(const kraken::storage::Job&,
                                         const kraken::registry::Cancellation&)>;

  // All outlive it. Becomes the queue's wake-up.
  Dispatcher(kraken::net::EventLoop* loop, kraken::storage::JobQueue* queue, int workers, Run run);
  ~Dispatcher();

  void Start();
  // Gives running jobs up (they are tried again after the next start) and joins the workers.
  // Blocks: not in the loop.
  void StopAndWait();

  DispatcherStats stats() const { return stats_; }

 private:
  void Fill();
  void OnClaimed(absl::StatusOr<std::vector<kraken::storage::Job>> jobs, int asked_for);
  void RunJob(const kraken::storage::Job& job);
  void OnFinished(const kraken::storage::Job& job, const absl::Status& status);
  void Tick();

  kraken::net::EventLoop* const loop_;
  kraken::storage::JobQueue* const queue_;
  const int max_running_;
  const Run run_;
  kraken::registry::Cancellation stop_;
  kraken::WorkerPool workers_;
  kraken::net::TimerId tick_timer_ = kraken::net::TimerId::kNone;
  bool started_ = false;
  // Running, and asked of the queue and not yet here.
  int taken_ = 0;
  DispatcherStats stats_;
  std::shared_ptr<Dispatcher*> alive_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_DISPATCHER_H_
