#ifndef KRAKEN_RPC_RPC_SERVER_H_
#define KRAKEN_RPC_RPC_SERVER_H_

#include <grpcpp/impl/service_type.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/rpc/credentials.h"

namespace kraken::rpc {

struct RpcServerOptions {
  std::string address;                      // "0.0.0.0:15013"; port 0: any
  std::shared_ptr<const Certificates> tls;  // null: plaintext
};

// A gRPC server with the standard health service and reflection. Thread-safe.
class RpcServer {
 public:
  // No message that we receive is larger.
  static constexpr int kMaxMessageBytes = 4 << 20;

  // The services outlive the server. FAILED_PRECONDITION: the port is taken (the message says
  // which).
  static absl::StatusOr<std::unique_ptr<RpcServer>> Start(
      const RpcServerOptions& options, const std::vector<grpc::Service*>& services);
  ~RpcServer();

  int port() const { return port_; }
  bool with_tls() const { return with_tls_; }
  // What the health service answers.
  void SetServing(bool serving);
  // Ends calls that are still under way after `grace`. Blocks. May be called twice.
  void Shutdown(absl::Duration grace);

 private:
  RpcServer(std::shared_ptr<grpc::ServerCredentials> credentials, bool with_tls)
      : credentials_(std::move(credentials)), with_tls_(with_tls) {}

  const std::shared_ptr<grpc::ServerCredentials> credentials_;
  const bool with_tls_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_RPC_SERVER_H_
