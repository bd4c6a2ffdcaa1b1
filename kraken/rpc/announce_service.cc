#include "kraken/rpc/announce_service.h"

#include <utility>

#include "kraken/rpc/stream.h"

namespace kraken::rpc {

void AnnounceHandler::OnOrder(v1::OrderRequest, std::shared_ptr<OrderOutlet> outlet) {
  outlet->Finish(absl::UnimplementedError("no agents take orders here"));
}

void AnnounceHandler::OnOrderClosed(const std::shared_ptr<OrderOutlet>&) {}

grpc::ServerBidiReactor<v1::AnnounceRequest, v1::AnnounceReply>* AnnounceService::Announce(
    grpc::CallbackServerContext* context) {
  auto outlet = std::make_shared<AnnounceOutlet>(kMaxQueuedMessages);
  StreamEvents<v1::AnnounceRequest> events;
  events.on_message = [handler = handler_, outlet](v1::AnnounceRequest request) {
    handler->OnAnnounce(outlet, std::move(request));
  };
  events.on_closed = [handler = handler_, outlet](const absl::Status&) {
    handler->OnStreamClosed(outlet);
  };
  return new BidiServerStream<v1::AnnounceRequest, v1::AnnounceReply>(context, loop_,
                                                                      std::move(events), outlet);
}

grpc::ServerWriteReactor<v1::OrderNews>* AnnounceService::Order(
    grpc::CallbackServerContext* context, const v1::OrderRequest* request) {
  auto outlet = std::make_shared<OrderOutlet>(kMaxQueuedMessages);
  if (!loop_.Post([handler = handler_, request = *request, outlet] {
        handler->OnOrder(request, outlet);
      })) {
    outlet->Finish(absl::UnavailableError("shutting down"));
  }
  return new WriterServerStream<v1::OrderNews>(
      context, loop_, [handler = handler_, outlet] { handler->OnOrderClosed(outlet); }, outlet);
}

}  // namespace kraken::rpc
