#ifndef HARBOR_BRIDGE_WORK_AGENT_ORDERS_H_
#define HARBOR_BRIDGE_WORK_AGENT_ORDERS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/agent_selector.h"
#include "harbor_bridge/work/image_plan.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/registry/cancellation.h"
#include "kraken/rpc/tracker.pb.h"
#include "kraken/rpc/tracker_client.h"

namespace harbor_bridge {

// How an order fares at all agents that it was given to.
struct AgentsProgress {
  int64_t asked = 0;
  int64_t done = 0;
  int64_t failed = 0;  // or gone
  // That are there, at all of them.
  int64_t blobs = 0;
  int64_t bytes = 0;
};

// Agents, added up over all orders that are over.
struct AgentOrdersStats {
  uint64_t preheated = 0;
  uint64_t preheats_failed = 0;
  uint64_t dropped = 0;
  uint64_t drops_failed = 0;
};

// Gives orders to a cluster's agents, by way of its trackers, for threads that may block. Every
// tracker is asked, as an agent may have lost one of them; who is known to several counts once.
// Thread-safe.
class AgentOrders {
 public:
  // Called in the loop; quick.
  using OnProgress = std::function<void(const AgentsProgress&)>;

  // All outlive it, and so does the loop's thread every call. `trackers`: only its members count.
  AgentOrders(kraken::net::EventLoop* loop, kraken::cluster::ClusterMonitor* trackers,
              kraken::rpc::TrackerClient* client)
      : loop_(loop), trackers_(trackers), client_(client) {}

  // Has agents fetch blobs in the background. How many were asked, once each of them has all of it
  // whole and verified on its disk; 0 if nobody is meant. UNAVAILABLE names agents that do not have
  // it, and why, or trackers, if none could be asked; FAILED_PRECONDITION: all trackers are of a
  // version that gives no orders; RESOURCE_EXHAUSTED: too many blobs for one order; CANCELLED.
  // `on_progress` may be null.
  absl::StatusOr<int64_t> Fetch(const kraken::Namespace& ns, const std::vector<PlannedBlob>& blobs,
                                const AgentSelector& agents, absl::Duration timeout,
                                const OnProgress& on_progress,
                                const kraken::registry::Cancellation& cancellation);

  // Has all agents that are there drop these manifests. What agents, or trackers of an older
  // version, can't do is logged; UNAVAILABLE only if no tracker could be asked.
  absl::Status Drop(const std::vector<kraken::Digest>& manifests,
                    const kraken::registry::Cancellation& cancellation);

  AgentOrdersStats stats() const;

 private:
  class Call;

  absl::Status DropSome(kraken::rpc::v1::OrderRequest request,
                        const kraken::registry::Cancellation& cancellation);

  kraken::net::EventLoop* const loop_;
  kraken::cluster::ClusterMonitor* const trackers_;
  kraken::rpc::TrackerClient* const client_;
  std::atomic<uint64_t> preheated_{0};
  std::atomic<uint64_t> preheats_failed_{0};
  std::atomic<uint64_t> dropped_{0};
  std::atomic<uint64_t> drops_failed_{0};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_AGENT_ORDERS_H_
