#include "kraken/rpc/origin_service.h"

#include <utility>

#include "kraken/rpc/status.h"
#include "kraken/rpc/stream.h"

namespace kraken::rpc {
namespace {

// Runs `handle(request, answer)` in the loop.
template <typename Request, typename Reply, typename Handle>
grpc::ServerUnaryReactor* Answer(const net::LoopHandle& loop, grpc::CallbackServerContext* context,
                                 const Request* request, Reply* reply, Handle handle) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto answer = [reactor, reply](absl::StatusOr<Reply> result) {
    if (result.ok()) *reply = std::move(*result);
    reactor->Finish(ToGrpc(result.status()));
  };
  if (!loop.Post([handle, request = *request, answer] { handle(request, answer); })) {
    answer(absl::UnavailableError("shutting down"));
  }
  return reactor;
}

}  // namespace

void OriginHandler::OnEvictManifest(
    v1::EvictManifestRequest, std::function<void(absl::StatusOr<v1::EvictManifestReply>)> reply) {
  reply(absl::UnimplementedError("no blobs are kept here"));
}

grpc::ServerWriteReactor<v1::MetainfoNews>* OriginService::WatchMetainfo(
    grpc::CallbackServerContext* context, const v1::WatchMetainfoRequest* request) {
  auto outlet = std::make_shared<MetainfoOutlet>(kMaxQueuedMessages);
  if (!loop_.Post([handler = handler_, request = *request, outlet] {
        handler->OnWatchMetainfo(request, outlet);
      })) {
    outlet->Finish(absl::UnavailableError("shutting down"));
  }
  return new WriterServerStream<v1::MetainfoNews>(
      context, loop_, [handler = handler_, outlet] { handler->OnMetainfoStreamClosed(outlet); },
      outlet);
}

grpc::ServerWriteReactor<v1::PrefetchProgress>* OriginService::Prefetch(
    grpc::CallbackServerContext* context, const v1::PrefetchRequest* request) {
  auto outlet = std::make_shared<ProgressOutlet>(kMaxQueuedMessages);
  if (!loop_.Post([handler = handler_, request = *request, outlet] {
        handler->OnPrefetch(request, outlet);
      })) {
    outlet->Finish(absl::UnavailableError("shutting down"));
  }
  return new WriterServerStream<v1::PrefetchProgress>(
      context, loop_, [handler = handler_, outlet] { handler->OnProgressStreamClosed(outlet); },
      outlet);
}

grpc::ServerUnaryReactor* OriginService::Stat(grpc::CallbackServerContext* context,
                                              const v1::StatRequest* request,
                                              v1::StatReply* reply) {
  return Answer(loop_, context, request, reply,
                [handler = handler_](v1::StatRequest taken, auto answer) {
                  handler->OnStat(std::move(taken), std::move(answer));
                });
}

grpc::ServerUnaryReactor* OriginService::EvictManifest(grpc::CallbackServerContext* context,
                                                       const v1::EvictManifestRequest* request,
                                                       v1::EvictManifestReply* reply) {
  return Answer(loop_, context, request, reply,
                [handler = handler_](v1::EvictManifestRequest taken, auto answer) {
                  handler->OnEvictManifest(std::move(taken), std::move(answer));
                });
}

}  // namespace kraken::rpc
