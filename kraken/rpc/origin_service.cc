#include "kraken/rpc/origin_service.h"

#include <utility>

#include "kraken/rpc/status.h"
#include "kraken/rpc/stream.h"

namespace kraken::rpc {

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
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  auto answer = [reactor, reply](absl::StatusOr<v1::StatReply> result) {
    if (result.ok()) *reply = *std::move(result);
    reactor->Finish(ToGrpc(result.status()));
  };
  if (!loop_.Post(
          [handler = handler_, request = *request, answer] { handler->OnStat(request, answer); })) {
    answer(absl::UnavailableError("shutting down"));
  }
  return reactor;
}

}  // namespace kraken::rpc
