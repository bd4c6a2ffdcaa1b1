#include "harbor_bridge/work/cluster.h"

#include <utility>

#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Create(kraken::net::EventLoop* loop,
                                                         kraken::rpc::ChannelDirectory* directory,
                                                         kraken::rpc::OriginClient* origin_client,
                                                         WriteLeave* leave,
                                                         ClusterOptions options) {
  KH_ASSIGN_OR_RETURN(auto build_index, kraken::rpc::BuildIndexClient::Create(
                                            loop, directory, std::move(options.build_index)));
  KH_ASSIGN_OR_RETURN(auto origins,
                      kraken::cluster::ClusterMonitor::Create(loop, std::move(options.origins)));
  return std::unique_ptr<Cluster>(new Cluster(loop, std::move(options.name),
                                              options.names_with_host, std::move(build_index),
                                              std::move(origins), origin_client, leave));
}

Cluster::Cluster(kraken::net::EventLoop* loop, std::string name, bool names_with_host,
                 std::unique_ptr<kraken::rpc::BuildIndexClient> build_index,
                 std::unique_ptr<kraken::cluster::ClusterMonitor> origins,
                 kraken::rpc::OriginClient* origin_client, WriteLeave* leave)
    : name_(std::move(name)),
      names_with_host_(names_with_host),
      build_index_(std::move(build_index)),
      origins_(std::move(origins)),
      prefetcher_(loop, origins_.get(), origin_client, leave),
      writer_(loop, build_index_.get(), origins_.get(), origin_client, leave) {}

ClusterTarget Cluster::target() {
  ClusterTarget target;
  target.name = name_;
  target.origins = &prefetcher_;
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
