#ifndef KRAKEN_RPC_ORIGIN_CLIENT_H_
#define KRAKEN_RPC_ORIGIN_CLIENT_H_

#include <grpcpp/channel.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin.pb.h"
#include "kraken/rpc/stream.h"

namespace kraken::rpc {

// Calls to origins. Which origin, and what to do when one fails, is the caller's part: it knows the
// ring. Belongs to its loop's thread.
class OriginClient {
 public:
  OriginClient(net::EventLoop* loop, ChannelDirectory* directory)
      : loop_(loop), directory_(directory) {}

  // Events as they come; on_closed once, last. `host`: the origin's HTTP `host:port`. Dropping the
  // handle does not end the call.
  std::shared_ptr<CallHandle> WatchMetainfo(absl::string_view host,
                                            v1::WatchMetainfoRequest request,
                                            StreamEvents<v1::MetainfoNews> events);
  std::shared_ptr<CallHandle> Prefetch(absl::string_view host, v1::PrefetchRequest request,
                                       StreamEvents<v1::PrefetchProgress> events);
  void Stat(absl::string_view host, v1::StatRequest request, absl::Duration timeout,
            std::function<void(absl::StatusOr<v1::StatReply>)> done);
  void EvictManifest(absl::string_view host, v1::EvictManifestRequest request,
                     absl::Duration timeout,
                     std::function<void(absl::StatusOr<v1::EvictManifestReply>)> done);

 private:
  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_ORIGIN_CLIENT_H_
