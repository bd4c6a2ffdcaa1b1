#ifndef HARBOR_BRIDGE_LEASE_TENURE_H_
#define HARBOR_BRIDGE_LEASE_TENURE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "harbor_bridge/lease/lease_view.h"
#include "harbor_bridge/lease/redis_lease.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/reconcile/done_watermarks.h"
#include "harbor_bridge/reconcile/reconciler.h"
#include "harbor_bridge/work/dispatcher.h"
#include "kraken/net/event_loop.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// What becomes of a bridge's work when it gains the lease, and when it loses it: jobs run, and each
// Harbor is reconciled from where the bridge before was done; or neither. While it holds the lease,
// how far it is itself done is written down beside it.
//
// Belongs to its loop's thread, but for OnRound(), view() and what leave() gives.
class Tenure {
 public:
  struct Options {
    RedisLeaseOptions lease;
    // By their names.
    std::vector<std::string> harbors;
    // How far back the first bridge ever looks.
    absl::Duration look_back;
    // How often it is found out how far this one is done.
    absl::Duration watermark_interval = DoneWatermarks::kInterval;
  };

  // `loop` and `queue` outlive it. Asks for the lease from when the loop runs.
  Tenure(kraken::net::EventLoop* loop, Options options, kraken::storage::JobQueue* queue);

  // What writes need. Outlived by this.
  WriteLeave* leave() { return &lease_; }
  LeaseView view() const { return lease_.view(); }

  // For the reconciler. Any thread.
  void OnRound(const std::string& harbor, absl::Time begun) { done_.OnRound(harbor, begun); }

  // Makes both idle until the lease is held. REQUIRES: the loop does not run yet, or this is called
  // in it before anything else. Both outlive the last turn of the loop that this sees.
  void Drive(Dispatcher* dispatcher, Reconciler* reconciler);

  // Watermarks are found out no more. Blocks, on a thread that may.
  void Stop() { done_.Stop(); }
  // Lets the lease go, when nothing is written any more; `done` as of RedisLease::Release().
  void Release(absl::AnyInvocable<void()> done) { lease_.Release(std::move(done)); }

 private:
  void OnChange(bool held);
  void TakeOver(const absl::StatusOr<Watermarks>& done);

  kraken::net::EventLoop* const loop_;
  const std::vector<std::string> harbors_;
  const absl::Duration look_back_;
  Dispatcher* dispatcher_ = nullptr;
  Reconciler* reconciler_ = nullptr;
  RedisLease lease_;
  DoneWatermarks done_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_TENURE_H_
