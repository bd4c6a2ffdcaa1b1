#ifndef KRAKEN_DAEMON_RPC_LISTENER_H_
#define KRAKEN_DAEMON_RPC_LISTENER_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/rpc/capabilities.h"
#include "kraken/rpc/credentials.h"
#include "kraken/rpc/rpc_server.h"

namespace kraken::daemon {

// gRPC on all addresses, IPv6 too, that serves at once. `port` 0: any. `tls` null: plaintext. The
// service outlives it. Errors carry the exit code of a port that is taken.
absl::StatusOr<std::unique_ptr<rpc::RpcServer>> StartRpcServer(
    int port, std::shared_ptr<const rpc::Certificates> tls, grpc::Service* service);

// What a process says of itself whose gRPC is at `server`.
rpc::Capabilities CapabilitiesOf(absl::string_view role, const rpc::RpcServer& server);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_RPC_LISTENER_H_
