// Unary calls for code that lives on an EventLoop.
#ifndef KRAKEN_RPC_UNARY_H_
#define KRAKEN_RPC_UNARY_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/status.h"

namespace kraken::rpc {

// Calls and delivers the reply in the loop. `method(stub, context, request, reply, callback)` calls
// one of `Service`'s methods; the callback takes a grpc::Status.
template <typename Service, typename Reply, typename Request, typename Method>
void CallUnary(net::LoopHandle loop, const std::shared_ptr<grpc::Channel>& channel, Request request,
               absl::Duration timeout, Method method,
               std::function<void(absl::StatusOr<Reply>)> done) {
  struct Call {
    std::unique_ptr<typename Service::Stub> stub;
    grpc::ClientContext context;
    Request request;
    Reply reply;
  };
  auto call = std::make_shared<Call>();
  call->stub = Service::NewStub(channel);
  call->request = std::move(request);
  call->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  method(*call->stub, &call->context, &call->request, &call->reply,
         [call, loop = std::move(loop), done = std::move(done)](const grpc::Status& status) {
           loop.Post([call, done, status = FromGrpc(status)] {
             if (status.ok()) {
               done(std::move(call->reply));
             } else {
               done(status);
             }
           });
         });
}

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_UNARY_H_
