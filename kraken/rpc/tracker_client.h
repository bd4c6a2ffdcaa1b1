#ifndef KRAKEN_RPC_TRACKER_CLIENT_H_
#define KRAKEN_RPC_TRACKER_CLIENT_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/stream.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::rpc {

// Orders to agents, given to trackers. (AnnounceClient is what peers have.) Belongs to its loop's
// thread.
class TrackerClient {
 public:
  // Both outlive it.
  TrackerClient(net::EventLoop* loop, ChannelDirectory* directory)
      : loop_(loop), directory_(directory) {}

  // Events as they come; on_closed once, last. `host`: the tracker's HTTP `host:port`. Dropping the
  // handle does not end the call.
  std::shared_ptr<CallHandle> Order(absl::string_view host, v1::OrderRequest request,
                                    StreamEvents<v1::OrderNews> events);

 private:
  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_TRACKER_CLIENT_H_
