#ifndef KRAKEN_RPC_BUILD_INDEX_SERVICE_H_
#define KRAKEN_RPC_BUILD_INDEX_SERVICE_H_

#include <functional>

#include "absl/status/statusor.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index.grpc.pb.h"

namespace kraken::rpc {

// The BuildIndex service over functions that run on a loop and answer when they can. Thread-safe.
class BuildIndexService final : public v1::BuildIndex::CallbackService {
 public:
  using Reply = std::function<void(absl::StatusOr<v1::GetTagReply>)>;
  using DropReply = std::function<void(absl::StatusOr<v1::DropTagsReply>)>;
  struct Handlers {
    std::function<void(v1::GetTagRequest, Reply)> get_tag;
    std::function<void(v1::PutTagRequest, Reply)> put_tag;
    // Null: UNIMPLEMENTED.
    std::function<void(v1::DropTagsRequest, DropReply)> drop_tags;
  };

  BuildIndexService(net::LoopHandle loop, Handlers handlers)
      : loop_(std::move(loop)), handlers_(std::move(handlers)) {}

  grpc::ServerUnaryReactor* GetTag(grpc::CallbackServerContext* context,
                                   const v1::GetTagRequest* request,
                                   v1::GetTagReply* reply) override;
  grpc::ServerUnaryReactor* PutTag(grpc::CallbackServerContext* context,
                                   const v1::PutTagRequest* request,
                                   v1::GetTagReply* reply) override;
  grpc::ServerUnaryReactor* DropTags(grpc::CallbackServerContext* context,
                                     const v1::DropTagsRequest* request,
                                     v1::DropTagsReply* reply) override;

 private:
  const net::LoopHandle loop_;
  const Handlers handlers_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_BUILD_INDEX_SERVICE_H_
