#include "kraken/rpc/tracker_client.h"

#include <utility>

#include "kraken/rpc/stream_opener.h"
#include "kraken/rpc/tracker.grpc.pb.h"

namespace kraken::rpc {

std::shared_ptr<CallHandle> TrackerClient::Order(absl::string_view host, v1::OrderRequest request,
                                                 StreamEvents<v1::OrderNews> events) {
  return OpenStream<v1::Tracker, v1::OrderNews>(
      loop_, directory_, host, std::move(request), std::move(events),
      [](v1::Tracker::Stub& stub, auto* context, auto* in, auto* reactor) {
        stub.async()->Order(context, in, reactor);
      });
}

}  // namespace kraken::rpc
