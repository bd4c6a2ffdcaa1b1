#ifndef HARBOR_BRIDGE_WORK_CLUSTER_H_
#define HARBOR_BRIDGE_WORK_CLUSTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harbor_bridge/lease/write_leave.h"
#include "harbor_bridge/work/cluster_writer.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/config/cluster_config.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"

namespace harbor_bridge {

struct ClusterOptions {
  std::string name;  // empty: the bridge's own
  kraken::cluster::ClusterMonitorOptions origins;
  kraken::rpc::BuildIndexClientOptions build_index;
  bool names_with_host = false;
};

// The way to one cluster: its origins and its build-indexes. Belongs to its loop's thread; what
// target() gives is for threads that may block.
class Cluster {
 public:
  // All outlive it. Errors as ClusterMonitor::Create and BuildIndexClient::Create.
  static absl::StatusOr<std::unique_ptr<Cluster>> Create(kraken::net::EventLoop* loop,
                                                         kraken::rpc::ChannelDirectory* directory,
                                                         kraken::rpc::OriginClient* origin_client,
                                                         WriteLeave* leave, ClusterOptions options);

  // Names of origins that answer.
  std::vector<std::string> healthy_origins() const { return origins_->healthy(); }
  // Outlived by this.
  ClusterWriter* writer() { return &writer_; }

  // Outlived by this.
  ClusterTarget target();

 private:
  Cluster(kraken::net::EventLoop* loop, std::string name, bool names_with_host,
          std::unique_ptr<kraken::rpc::BuildIndexClient> build_index,
          std::unique_ptr<kraken::cluster::ClusterMonitor> origins,
          kraken::rpc::OriginClient* origin_client, WriteLeave* leave);

  const std::string name_;
  const bool names_with_host_;
  const std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
  const std::unique_ptr<kraken::cluster::ClusterMonitor> origins_;
  OriginPrefetcher prefetcher_;
  ClusterWriter writer_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_CLUSTER_H_
