#include "kraken/rpc/callback_threads.h"

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "kraken/base/check.h"

namespace kraken::rpc {

void KeepCallbackThreads() {
  // A server that nobody can reach, and that is never destroyed.
  static const grpc::Server* const server = [] {
    grpc::ServerBuilder builder;
    builder.RegisterCallbackGenericService(new grpc::CallbackGenericService);
    return builder.BuildAndStart().release();
  }();
  KH_CHECK(server != nullptr);
}

}  // namespace kraken::rpc
