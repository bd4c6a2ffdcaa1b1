#include "kraken/daemon/rpc_listener.h"

#include "absl/strings/str_cat.h"
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

}  // namespace kraken::daemon
