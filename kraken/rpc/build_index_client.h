#ifndef KRAKEN_RPC_BUILD_INDEX_CLIENT_H_
#define KRAKEN_RPC_BUILD_INDEX_CLIENT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index.pb.h"
#include "kraken/rpc/channel_directory.h"

namespace kraken::rpc {

struct TagValue {
  Digest digest;
  uint64_t revision = 0;
};

// Asks a cluster of build-indexes: the first of `hosts` that answers, beginning with the one that
// answered last. Belongs to its loop's thread.
class BuildIndexClient {
 public:
  using Done = std::function<void(absl::StatusOr<TagValue>)>;

  BuildIndexClient(net::EventLoop* loop, ChannelDirectory* directory,
                   std::vector<std::string> hosts, absl::Duration timeout = absl::Seconds(10));
  ~BuildIndexClient();

  // NOT_FOUND: no such tag. UNAVAILABLE: none of the hosts answers; the message names them.
  void GetTag(const Namespace& ns, const Tag& tag, Done done);
  // The tag as it is stored afterwards.
  void PutTag(const Namespace& ns, const Tag& tag, const TagValue& value, Done done);

 private:
  using Attempt = std::function<void(std::shared_ptr<grpc::Channel>,
                                     std::function<void(absl::StatusOr<v1::GetTagReply>)>)>;
  struct Query;

  void Run(Attempt attempt, Done done);
  void Try(std::shared_ptr<Query> query);
  void OnReply(std::shared_ptr<Query> query, absl::StatusOr<v1::GetTagReply> reply);

  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
  const std::vector<std::string> hosts_;
  const absl::Duration timeout_;
  size_t preferred_ = 0;
  std::shared_ptr<BuildIndexClient*> alive_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_BUILD_INDEX_CLIENT_H_
