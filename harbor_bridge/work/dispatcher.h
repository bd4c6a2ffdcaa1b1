#ifndef HARBOR_BRIDGE_WORK_DISPATCHER_H_
#define HARBOR_BRIDGE_WORK_DISPATCHER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// The jobs of one kind, which run beside those of other kinds and take no slot of theirs: a Harbor
// that is dead or slow delays nobody else's work.
struct Lane {
  std::string kind;
  int slots = 1;  // jobs at a time
};

struct LaneStats {
  uint64_t done = 0;
  uint64_t failed = 0;  // attempts
  int running = 0;
};

// Takes due jobs from the queue and runs them on worker threads, so many of each kind at a time.
// Belongs to its loop's thread, but for Cancel() and stats(); the queue's threads and the workers
// post into it.
class Dispatcher {
 public:
  // What is kept of a job that is done.
  using Result = absl::StatusOr<std::string>;
  // Runs one job; blocks. An error is retried unless it can't get better (INVALID_ARGUMENT,
  // UNIMPLEMENTED, FAILED_PRECONDITION). ABORTED: this bridge may not do it now; the job waits as
  // before, and no attempt is counted.
  using Run =
      std::function<Result(const kraken::storage::Job&, const kraken::registry::Cancellation&)>;
  // Hears in the loop of each attempt's end, but of those that were cut off: by the process's end,
  // or as the dispatcher was made idle.
  using OnEnd = std::function<void(const kraken::storage::Job&, const Result&)>;

  // All outlive it. Becomes the queue's wake-up. Jobs of a kind without a lane stay where they are.
  Dispatcher(kraken::net::EventLoop* loop, kraken::storage::JobQueue* queue,
             std::vector<Lane> lanes, Run run, OnEnd on_end = nullptr);
  ~Dispatcher();

  void Start();
  // Whether there may be work; true at first. Running jobs are given up when it becomes false, and
  // wait as before.
  void SetActive(bool active) ABSL_LOCKS_EXCLUDED(mu_);
  // Gives running jobs up (they are tried again after the next start) and joins the workers.
  // Blocks: not in the loop.
  void StopAndWait();

  // Gives a running job up for good: it is a dead letter that says so, unless it was enqueued again
  // meanwhile or is done before it hears. False: it is not running. Any thread.
  bool Cancel(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);

  // In the order of the lanes. Any thread.
  std::vector<LaneStats> stats() const ABSL_LOCKS_EXCLUDED(mu_);
  const std::vector<Lane>& lanes() const { return lanes_; }

 private:
  struct LaneState {
    // Running, and asked of the queue and not yet here.
    int taken = 0;
    bool asking = false;
    // Something became due while the queue was being asked.
    bool ask_again = false;
  };
  struct Running {
    kraken::registry::Cancellation cancellation;
    bool by_operator = false;
    // As it may not be done here now.
    bool cut_off = false;
  };

  void FillAll();
  void Fill(size_t lane);
  void OnClaimed(size_t lane, absl::StatusOr<std::vector<kraken::storage::Job>> jobs,
                 int asked_for);
  void RunJob(size_t lane, const kraken::storage::Job& job);
  void OnFinished(size_t lane, const kraken::storage::Job& job, const Result& result);
  void StoreEnd(const kraken::storage::Job& job, const Result& result, bool cancelled);
  void GiveBack(const kraken::storage::Job& job);
  void Tick();
  bool stopping() const ABSL_LOCKS_EXCLUDED(mu_);

  kraken::net::EventLoop* const loop_;
  kraken::storage::JobQueue* const queue_;
  const std::vector<Lane> lanes_;
  const Run run_;
  const OnEnd on_end_;
  kraken::WorkerPool workers_;
  kraken::net::TimerId tick_timer_ = kraken::net::TimerId::kNone;
  bool started_ = false;
  bool active_ = true;
  std::vector<LaneState> states_;
  std::shared_ptr<Dispatcher*> alive_;

  mutable absl::Mutex mu_;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<LaneStats> stats_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, Running> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_DISPATCHER_H_
