#ifndef HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_
#define HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/work/image_plan.h"
#include "kraken/base/namespace.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/rpc/origin_client.h"

namespace harbor_bridge {

// Has origins cache blobs, for threads that may block. Thread-safe.
class OriginPrefetcher {
 public:
  // Blobs asked for at a time by one call.
  static constexpr size_t kMaxInFlight = 8;

  // How many blobs are there whole, and how many bytes of all. Called in the loop; quick.
  using OnProgress = std::function<void(int64_t blobs, int64_t bytes)>;

  // All outlive it, and so does the loop's thread every call.
  OriginPrefetcher(kraken::net::EventLoop* loop, kraken::cluster::ClusterMonitor* cluster,
                   kraken::rpc::OriginClient* origins, WriteLeave* leave);

  // OK once every blob is whole and verified on all of its origins that are alive, and, asked again
  // at the end, still there: an image that is larger than an origin's disk pushes its own blobs
  // out. Else the first error, naming the blob: UNAVAILABLE if no origin of a blob answers, or one
  // that answers has lost it; CANCELLED; ABORTED: this bridge may not write. `on_progress` may be
  // null.
  absl::Status PrefetchAll(const kraken::Namespace& ns, const std::vector<PlannedBlob>& blobs,
                           const OnProgress& on_progress,
                           const kraken::registry::Cancellation& cancellation);

 private:
  class Batch;

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const cluster_;
  kraken::rpc::OriginClient* const origins_;
  WriteLeave* const leave_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_
