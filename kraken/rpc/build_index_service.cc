#include "kraken/rpc/build_index_service.h"

#include <utility>

#include "kraken/rpc/status.h"

namespace kraken::rpc {
namespace {

// Runs a handler in the loop. Answers through gRPC's default reactor, which lives until Finish().
template <typename Request, typename Reply>
grpc::ServerUnaryReactor* Dispatch(
    const net::LoopHandle& loop, grpc::CallbackServerContext* context, const Request* request,
    Reply* out,
    const std::function<void(Request, std::function<void(absl::StatusOr<Reply>)>)>& handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const std::function<void(absl::StatusOr<Reply>)> answer = [reactor,
                                                             out](absl::StatusOr<Reply> reply) {
    if (reply.ok()) *out = std::move(*reply);
    reactor->Finish(ToGrpc(reply.status()));
  };
  if (handler == nullptr) {
    answer(absl::UnimplementedError("not here"));
  } else if (!loop.Post([handler, request = *request, answer] { handler(request, answer); })) {
    answer(absl::UnavailableError("shutting down"));
  }
  return reactor;
}

}  // namespace

grpc::ServerUnaryReactor* BuildIndexService::GetTag(grpc::CallbackServerContext* context,
                                                    const v1::GetTagRequest* request,
                                                    v1::GetTagReply* reply) {
  return Dispatch(loop_, context, request, reply, handlers_.get_tag);
}

grpc::ServerUnaryReactor* BuildIndexService::PutTag(grpc::CallbackServerContext* context,
                                                    const v1::PutTagRequest* request,
                                                    v1::GetTagReply* reply) {
  return Dispatch(loop_, context, request, reply, handlers_.put_tag);
}

grpc::ServerUnaryReactor* BuildIndexService::DropTags(grpc::CallbackServerContext* context,
                                                      const v1::DropTagsRequest* request,
                                                      v1::DropTagsReply* reply) {
  return Dispatch(loop_, context, request, reply, handlers_.drop_tags);
}

}  // namespace kraken::rpc
