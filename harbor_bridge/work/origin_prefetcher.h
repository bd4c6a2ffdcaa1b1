#ifndef HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_
#define HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kraken/base/digest.h"
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

  // All outlive it, and so does the loop's thread every call.
  OriginPrefetcher(kraken::net::EventLoop* loop, kraken::cluster::ClusterMonitor* cluster,
                   kraken::rpc::OriginClient* origins);

  // OK once every blob is whole and verified on all of its origins that are alive. Else the first
  // error, naming the blob: UNAVAILABLE if no origin of a blob answers; CANCELLED.
  absl::Status PrefetchAll(const kraken::Namespace& ns, const std::vector<kraken::Digest>& digests,
                           const kraken::registry::Cancellation& cancellation);

 private:
  class Batch;

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const cluster_;
  kraken::rpc::OriginClient* const origins_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_ORIGIN_PREFETCHER_H_
