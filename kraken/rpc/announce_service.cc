#include "kraken/rpc/announce_service.h"

#include <utility>

#include "kraken/rpc/stream.h"

namespace kraken::rpc {

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

}  // namespace kraken::rpc
