#ifndef KRAKEN_RPC_ANNOUNCE_SERVICE_H_
#define KRAKEN_RPC_ANNOUNCE_SERVICE_H_

#include <memory>

#include "kraken/net/event_loop.h"
#include "kraken/rpc/outlet.h"
#include "kraken/rpc/tracker.grpc.pb.h"

namespace kraken::rpc {

// A peer's announce stream as the tracker sees it. Outlives the stream; writes to one that is gone
// are dropped.
using AnnounceOutlet = Outlet<v1::AnnounceReply>;
// The same of who has given an order and is told how it goes.
using OrderOutlet = Outlet<v1::OrderNews>;

// What a tracker does with announce streams and orders; all calls on the loop. A stream is named by
// its outlet.
class AnnounceHandler {
 public:
  virtual ~AnnounceHandler() = default;
  virtual void OnAnnounce(const std::shared_ptr<AnnounceOutlet>& stream,
                          v1::AnnounceRequest request) = 0;
  // Once, last.
  virtual void OnStreamClosed(const std::shared_ptr<AnnounceOutlet>& stream) = 0;
  // Not every handler has agents that take orders.
  virtual void OnOrder(v1::OrderRequest request, std::shared_ptr<OrderOutlet> outlet);
  // Nobody is told any more how it goes. The outlet may be dropped.
  virtual void OnOrderClosed(const std::shared_ptr<OrderOutlet>& outlet);
};

// The Tracker service over a handler that lives on a loop. Thread-safe.
class AnnounceService final : public v1::Tracker::CallbackService {
 public:
  // `handler` outlives the server and what it has posted.
  AnnounceService(net::LoopHandle loop, AnnounceHandler* handler)
      : loop_(std::move(loop)), handler_(handler) {}

  grpc::ServerBidiReactor<v1::AnnounceRequest, v1::AnnounceReply>* Announce(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<v1::OrderNews>* Order(grpc::CallbackServerContext* context,
                                                 const v1::OrderRequest* request) override;

 private:
  const net::LoopHandle loop_;
  AnnounceHandler* const handler_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_ANNOUNCE_SERVICE_H_
