#ifndef KRAKEN_DAEMON_RPC_LISTENER_H_
#define KRAKEN_DAEMON_RPC_LISTENER_H_

#include <grpcpp/impl/service_type.h>

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/tls_files.h"

namespace kraken::daemon {

// gRPC on all addresses, IPv6 too, that serves at once. `port` 0: any. The service outlives it.
// Errors carry the exit code of a port that is taken.
absl::StatusOr<std::unique_ptr<rpc::RpcServer>> StartRpcServer(int port, const rpc::TlsFiles& tls,
                                                               grpc::Service* service);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_RPC_LISTENER_H_
