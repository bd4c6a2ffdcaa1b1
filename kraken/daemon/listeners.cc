#include "kraken/daemon/listeners.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {

absl::StatusOr<std::unique_ptr<rpc::RpcServer>> StartRpcServer(int port, const rpc::TlsFiles& tls,
                                                               grpc::Service* service) {
  auto server =
      rpc::RpcServer::Start({.address = absl::StrCat("0.0.0.0:", port), .tls = tls}, {service});
  if (!server.ok()) return WithExitCode(server.status(), config::kExitPortTaken);
  (*server)->SetServing(true);
  return server;
}

absl::StatusOr<std::unique_ptr<net::HttpServer>> StartHttpServer(
    net::EventLoop& loop, int port, std::shared_ptr<const net::TlsContext> tls,
    const net::Router& router) {
  net::HttpServerOptions options;
  options.tls = std::move(tls);
  auto server = std::make_unique<net::HttpServer>(std::vector<net::EventLoop*>{&loop},
                                                  std::move(options), router.AsHandler());
  KH_RETURN_IF_ERROR(
      WithExitCode(server->Listen(absl::StrCat(":", port)).status(), config::kExitPortTaken));
  return server;
}

}  // namespace kraken::daemon
