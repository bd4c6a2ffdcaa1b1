// The servers by which other processes reach this one.
#ifndef KRAKEN_DAEMON_LISTENERS_H_
#define KRAKEN_DAEMON_LISTENERS_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/router.h"
#include "kraken/net/tls_context.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/tls_files.h"

namespace kraken::daemon {

// Both listen on all addresses; their errors carry the exit code of a port that is taken.

// gRPC that serves at once. `port` 0: any. The service outlives it.
absl::StatusOr<std::unique_ptr<rpc::RpcServer>> StartRpcServer(int port, const rpc::TlsFiles& tls,
                                                               grpc::Service* service);

// HTTP, or HTTPS if `tls` is not null. Loop and router outlive it.
absl::StatusOr<std::unique_ptr<net::HttpServer>> StartHttpServer(
    net::EventLoop& loop, int port, std::shared_ptr<const net::TlsContext> tls,
    const net::Router& router);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_LISTENERS_H_
