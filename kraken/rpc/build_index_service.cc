#include "kraken/rpc/build_index_service.h"

#include <utility>

#include "kraken/rpc/status.h"

namespace kraken::rpc {
namespace {

// Answers through gRPC's default reactor, which lives until Finish().
BuildIndexService::Reply ReplyThrough(grpc::ServerUnaryReactor* reactor, v1::GetTagReply* out) {
  return [reactor, out](absl::StatusOr<v1::GetTagReply> reply) {
    if (reply.ok()) *out = *std::move(reply);
    reactor->Finish(ToGrpc(reply.status()));
  };
}

template <typename Request>
grpc::ServerUnaryReactor* Dispatch(
    const net::LoopHandle& loop, grpc::CallbackServerContext* context, const Request* request,
    v1::GetTagReply* reply, const std::function<void(Request, BuildIndexService::Reply)>& handler) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto answer = ReplyThrough(reactor, reply);
  if (!loop.Post([handler, request = *request, answer] { handler(request, answer); })) {
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

}  // namespace kraken::rpc
