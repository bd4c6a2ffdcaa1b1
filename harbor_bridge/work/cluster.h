#ifndef HARBOR_BRIDGE_WORK_CLUSTER_H_
#define HARBOR_BRIDGE_WORK_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/work/agent_orders.h"
#include "harbor_bridge/work/cluster_writer.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/config/cluster_config.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/tracker_client.h"

namespace harbor_bridge {

struct ClusterOptions {
  std::string name;  // empty: the bridge's own
  kraken::cluster::ClusterMonitorOptions origins;
  kraken::rpc::BuildIndexClientOptions build_index;
  // Without hosts its agents are given no orders.
  kraken::config::HostListConfig trackers;
  absl::Duration agents_timeout = absl::Minutes(15);
  bool names_with_host = false;
};

// The way to one cluster: its origins, its build-indexes and, by its trackers, its agents. Belongs
// to its loop's thread; what target() gives is for threads that may block.
class Cluster {
 public:
  // All outlive it. Errors as ClusterMonitor::Create and BuildIndexClient::Create.
  static absl::StatusOr<std::unique_ptr<Cluster>> Create(kraken::net::EventLoop* loop,
                                                         kraken::rpc::ChannelDirectory* directory,
                                                         kraken::rpc::OriginClient* origin_client,
                                                         WriteLeave* leave,
                                                         const ClusterOptions& options);

  // Names of origins that answer.
  std::vector<std::string> healthy_origins() const { return origins_->healthy(); }
  // Outlived by this.
  ClusterWriter* writer() { return &writer_; }
  // Outlived by this; null without trackers.
  AgentOrders* agents() { return agents_.get(); }

  // Outlived by this.
  ClusterTarget target();

 private:
  Cluster(kraken::net::EventLoop* loop, kraken::rpc::ChannelDirectory* directory,
          const ClusterOptions& options, std::unique_ptr<kraken::rpc::BuildIndexClient> build_index,
          std::unique_ptr<kraken::cluster::ClusterMonitor> origins,
          std::unique_ptr<kraken::cluster::ClusterMonitor> trackers,
          kraken::rpc::OriginClient* origin_client, WriteLeave* leave);

  const std::string name_;
  const bool names_with_host_;
  const absl::Duration agents_timeout_;
  const std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
  const std::unique_ptr<kraken::cluster::ClusterMonitor> origins_;
  // Null without trackers.
  const std::unique_ptr<kraken::cluster::ClusterMonitor> trackers_;
  kraken::rpc::TrackerClient tracker_client_;
  OriginPrefetcher prefetcher_;
  ClusterWriter writer_;
  std::unique_ptr<AgentOrders> agents_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_CLUSTER_H_
