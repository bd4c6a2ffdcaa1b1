#include "harbor_bridge/work/cluster.h"

#include <utility>

#include "absl/synchronization/notification.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Create(kraken::net::EventLoop* loop,
                                                         kraken::rpc::ChannelDirectory* directory,
                                                         kraken::rpc::OriginClient* origin_client,
                                                         ClusterOptions options) {
  KH_ASSIGN_OR_RETURN(auto build_index, kraken::rpc::BuildIndexClient::Create(
                                            loop, directory, std::move(options.build_index)));
  KH_ASSIGN_OR_RETURN(auto origins,
                      kraken::cluster::ClusterMonitor::Create(loop, std::move(options.origins)));
  return std::unique_ptr<Cluster>(new Cluster(loop, std::move(options.name),
                                              options.names_with_host, std::move(build_index),
                                              std::move(origins), origin_client));
}

Cluster::Cluster(kraken::net::EventLoop* loop, std::string name, bool names_with_host,
                 std::unique_ptr<kraken::rpc::BuildIndexClient> build_index,
                 std::unique_ptr<kraken::cluster::ClusterMonitor> origins,
                 kraken::rpc::OriginClient* origin_client)
    : loop_(loop),
      name_(std::move(name)),
      names_with_host_(names_with_host),
      build_index_(std::move(build_index)),
      origins_(std::move(origins)),
      prefetcher_(loop, origins_.get(), origin_client) {}

ClusterTarget Cluster::target() {
  ClusterTarget target;
  target.name = name_;
  target.origins = &prefetcher_;
  target.names_with_host = names_with_host_;
  target.put_tag = [this](const kraken::Namespace& ns, const kraken::Tag& tag,
                          const kraken::Digest& digest,
                          uint64_t revision) { return PutTag(ns, tag, digest, revision); };
  return target;
}

absl::Status Cluster::PutTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                             const kraken::Digest& digest, uint64_t revision) {
  struct Call {
    absl::Notification done;
    absl::Status status;
  };
  auto call = std::make_shared<Call>();
  loop_->Post([this, call, ns, tag, digest, revision] {
    build_index_->PutTag(ns, tag, {.digest = digest, .revision = revision},
                         [call](const absl::StatusOr<kraken::rpc::TagValue>& stored) {
                           call->status = stored.status();
                           call->done.Notify();
                         });
  });
  call->done.WaitForNotification();
  return call->status;
}

}  // namespace harbor_bridge
