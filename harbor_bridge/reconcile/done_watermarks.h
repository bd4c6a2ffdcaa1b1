#ifndef HARBOR_BRIDGE_RECONCILE_DONE_WATERMARKS_H_
#define HARBOR_BRIDGE_RECONCILE_DONE_WATERMARKS_H_

#include <functional>
#include <map>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// Finds out until when each Harbor is done: what it had then is not only known, it is warm. A round
// of reconciliation makes jobs of what it finds; once its Harbor has had no job for a moment after
// that, all that was there when the round began is done. So a watermark lags while work never runs
// out, and a bridge that takes over looks back further than it must. Dead letters are not waited
// for: they are an operator's.
//
// The queue is asked on a thread of its own, and only while there is something to find out.
// Thread-safe.
class DoneWatermarks {
 public:
  // Called by the thread. Again for the same Harbor: with a later time.
  using Publish = std::function<void(const std::map<std::string, absl::Time>&)>;
  static constexpr absl::Duration kInterval = absl::Seconds(5);

  // `queue` outlives it. While `is_wanted` says no, nothing is found out.
  DoneWatermarks(kraken::storage::JobQueue* queue, std::function<bool()> is_wanted, Publish publish,
                 absl::Duration interval = kInterval);
  // As Stop().
  ~DoneWatermarks();
  DoneWatermarks(const DoneWatermarks&) = delete;
  DoneWatermarks& operator=(const DoneWatermarks&) = delete;

  // A round has ended that began then, and its jobs are in the queue.
  void OnRound(const std::string& harbor, absl::Time begun) ABSL_LOCKS_EXCLUDED(mu_);

  // Joins the thread.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  void Look() ABSL_LOCKS_EXCLUDED(mu_);

  kraken::storage::JobQueue* const queue_;
  const std::function<bool()> is_wanted_;
  const Publish publish_;
  const absl::Duration interval_;
  absl::Mutex mu_;
  // Rounds whose work may not be done yet.
  std::map<std::string, absl::Time> begun_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_DONE_WATERMARKS_H_
