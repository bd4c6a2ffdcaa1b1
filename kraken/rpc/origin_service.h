#ifndef KRAKEN_RPC_ORIGIN_SERVICE_H_
#define KRAKEN_RPC_ORIGIN_SERVICE_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/origin.grpc.pb.h"
#include "kraken/rpc/outlet.h"

namespace kraken::rpc {

using MetainfoOutlet = Outlet<v1::MetainfoNews>;
using ProgressOutlet = Outlet<v1::PrefetchProgress>;

// What an origin does for its callers; all calls on the loop. A stream is answered through its
// outlet, which outlives it, and ended with Finish().
class OriginHandler {
 public:
  virtual ~OriginHandler() = default;
  virtual void OnWatchMetainfo(v1::WatchMetainfoRequest request,
                               std::shared_ptr<MetainfoOutlet> outlet) = 0;
  virtual void OnPrefetch(v1::PrefetchRequest request, std::shared_ptr<ProgressOutlet> outlet) = 0;
  virtual void OnStat(v1::StatRequest request,
                      std::function<void(absl::StatusOr<v1::StatReply>)> reply) = 0;
  // Not every handler has blobs of its own.
  virtual void OnEvictManifest(v1::EvictManifestRequest request,
                               std::function<void(absl::StatusOr<v1::EvictManifestReply>)> reply);
  // A stream is over. The outlet may be dropped.
  virtual void OnMetainfoStreamClosed(const std::shared_ptr<MetainfoOutlet>& outlet) = 0;
  virtual void OnProgressStreamClosed(const std::shared_ptr<ProgressOutlet>& outlet) = 0;
};

// The Origin service over a handler that lives on a loop. Thread-safe.
class OriginService final : public v1::Origin::CallbackService {
 public:
  // `handler` outlives the server and what it has posted.
  OriginService(net::LoopHandle loop, OriginHandler* handler)
      : loop_(std::move(loop)), handler_(handler) {}

  grpc::ServerWriteReactor<v1::MetainfoNews>* WatchMetainfo(
      grpc::CallbackServerContext* context, const v1::WatchMetainfoRequest* request) override;
  grpc::ServerWriteReactor<v1::PrefetchProgress>* Prefetch(
      grpc::CallbackServerContext* context, const v1::PrefetchRequest* request) override;
  grpc::ServerUnaryReactor* Stat(grpc::CallbackServerContext* context,
                                 const v1::StatRequest* request, v1::StatReply* reply) override;
  grpc::ServerUnaryReactor* EvictManifest(grpc::CallbackServerContext* context,
                                          const v1::EvictManifestRequest* request,
                                          v1::EvictManifestReply* reply) override;

 private:
  const net::LoopHandle loop_;
  OriginHandler* const handler_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_ORIGIN_SERVICE_H_
