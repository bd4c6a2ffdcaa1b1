#ifndef KRAKEN_RPC_BUILD_INDEX_CLIENT_H_
#define KRAKEN_RPC_BUILD_INDEX_CLIENT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/cluster/health_check.h"
#include "kraken/config/cluster_config.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index.pb.h"
#include "kraken/rpc/build_index_broadcast.h"
#include "kraken/rpc/channel_directory.h"

namespace kraken::rpc {

struct TagValue {
  Digest digest;
  uint64_t revision = 0;
};

struct BuildIndexClientOptions {
  // Static hosts, or a DNS name that is looked up again and again.
  config::HostListConfig hosts;
  // When a host that failed is asked last.
  config::PassiveHealthCheckConfig health;
  absl::Duration timeout = absl::Seconds(10);  // For each host that is asked.
  // How often a host that has missed something is tried.
  absl::Duration catch_up_interval = BuildIndexBroadcast::Options().catch_up_interval;
};

// Asks a cluster of build-indexes: the first that answers, beginning with the one that answered
// last; and tells all of them what has become of tags. Belongs to its loop's thread.
class BuildIndexClient {
 public:
  using Done = std::function<void(absl::StatusOr<TagValue>)>;

  // Errors as cluster::HostList::Create.
  static absl::StatusOr<std::unique_ptr<BuildIndexClient>> Create(net::EventLoop* loop,
                                                                  ChannelDirectory* directory,
                                                                  BuildIndexClientOptions options);
  ~BuildIndexClient();

  // NOT_FOUND: no such tag. UNAVAILABLE: none of the hosts answers, and the message names them; or
  // their DNS name has no address.
  void GetTag(const Namespace& ns, const Tag& tag, Done done);

  // Both tell every build-index, and whoever is down when it is back (build_index_broadcast.h).
  // UNAVAILABLE: none answers.
  //
  // OK: each that is up has this tag, or a newer one, on its disk.
  using Stored = std::function<void(absl::Status)>;
  void PutTag(v1::PutTagRequest request, Stored done);
  // What was there, at any of them, once all that are up have answered.
  using Dropped = std::function<void(absl::StatusOr<v1::DropTagsReply>)>;
  void DropTags(v1::DropTagsRequest request, Dropped done);

 private:
  using Attempt = std::function<void(std::shared_ptr<grpc::Channel>,
                                     std::function<void(absl::StatusOr<v1::GetTagReply>)>)>;
  struct Query;

  BuildIndexClient(net::EventLoop* loop, ChannelDirectory* directory,
                   BuildIndexClientOptions options,
                   std::unique_ptr<cluster::ClusterMonitor> members);

  // Whom to ask, the best first.
  std::vector<std::string> Candidates();
  void Try(std::shared_ptr<Query> query);
  absl::Status NoAddress() const;
  void OnReply(std::shared_ptr<Query> query, absl::StatusOr<v1::GetTagReply> reply);

  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
  const BuildIndexClientOptions options_;
  const std::unique_ptr<cluster::ClusterMonitor> members_;
  cluster::PassiveHealthFilter health_;
  BuildIndexBroadcast broadcast_;
  std::string preferred_;  // Who answered last.
  std::shared_ptr<BuildIndexClient*> alive_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_BUILD_INDEX_CLIENT_H_
