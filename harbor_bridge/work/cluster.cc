#include "harbor_bridge/work/cluster.h"

#include <utility>

#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Create(kraken::net::EventLoop* loop,
                                                         kraken::rpc::ChannelDirectory* directory,
                                                         kraken::rpc::OriginClient* origin_client,
                                                         WriteLeave* leave,
                                                         const ClusterOptions& options) {
  KH_ASSIGN_OR_RETURN(auto build_index,
                      kraken::rpc::BuildIndexClient::Create(loop, directory, options.build_index));
  KH_ASSIGN_OR_RETURN(auto origins, kraken::cluster::ClusterMonitor::Create(loop, options.origins));
  std::unique_ptr<kraken::cluster::ClusterMonitor> trackers;
  if (!options.trackers.empty()) {
    kraken::cluster::ClusterMonitorOptions members;
    members.hosts = options.trackers;
    members.health.disabled = true;  // each order asks all of them
    KH_ASSIGN_OR_RETURN(trackers,
                        kraken::cluster::ClusterMonitor::Create(loop, std::move(members)));
  }
  return std::unique_ptr<Cluster>(new Cluster(loop, directory, options, std::move(build_index),
                                              std::move(origins), std::move(trackers),
                                              origin_client, leave));
}

Cluster::Cluster(kraken::net::EventLoop* loop, kraken::rpc::ChannelDirectory* directory,
                 const ClusterOptions& options,
                 std::unique_ptr<kraken::rpc::BuildIndexClient> build_index,
                 std::unique_ptr<kraken::cluster::ClusterMonitor> origins,
                 std::unique_ptr<kraken::cluster::ClusterMonitor> trackers,
                 kraken::rpc::OriginClient* origin_client, WriteLeave* leave)
    : name_(options.name),
      names_with_host_(options.names_with_host),
      agents_timeout_(options.agents_timeout),
      build_index_(std::move(build_index)),
      origins_(std::move(origins)),
      trackers_(std::move(trackers)),
      tracker_client_(loop, directory),
      prefetcher_(loop, origins_.get(), origin_client, leave),
      writer_(loop, build_index_.get(), origins_.get(), origin_client, leave) {
  if (trackers_ == nullptr) return;
  agents_ = std::make_unique<AgentOrders>(loop, trackers_.get(), &tracker_client_);
}

ClusterTarget Cluster::target() {
  ClusterTarget target;
  target.name = name_;
  target.origins = &prefetcher_;
  target.agents = agents_.get();
  target.agents_timeout = agents_timeout_;
  target.names_with_host = names_with_host_;
  target.put_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag,
                          const kraken::Digest& digest,
                          uint64_t revision) { return writer_.PutTag(ns, tag, digest, revision); };
  target.drop_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag, uint64_t revision) {
    return writer_.DropTag(ns, tag, revision).status();
  };
  return target;
}

}  // namespace harbor_bridge
