#include "kraken/daemon/rpc_listener.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {

absl::StatusOr<std::unique_ptr<rpc::RpcServer>> StartRpcServer(
    int port, std::shared_ptr<const rpc::Certificates> tls, grpc::Service* service) {
  auto server = rpc::RpcServer::Start(
      {.address = absl::StrCat("0.0.0.0:", port), .tls = std::move(tls)}, {service});
  if (!server.ok()) return WithExitCode(server.status(), config::kExitPortTaken);
  (*server)->SetServing(true);
  return server;
}

rpc::Capabilities CapabilitiesOf(absl::string_view role, const rpc::RpcServer& server) {
  return {.role = std::string(role),
          .grpc_port = static_cast<uint16_t>(server.port()),
          .grpc_tls = server.with_tls()};
}

}  // namespace kraken::daemon
