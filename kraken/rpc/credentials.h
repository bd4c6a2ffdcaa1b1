#ifndef KRAKEN_RPC_CREDENTIALS_H_
#define KRAKEN_RPC_CREDENTIALS_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/rpc/tls_files.h"

namespace kraken::rpc {

// Mutual TLS: the server demands a certificate that the authorities have signed. Plaintext where
// `files` are empty. Errors name the file: NOT_FOUND, PERMISSION_DENIED, FAILED_PRECONDITION.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeServerCredentials(
    const TlsFiles& files);
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeChannelCredentials(
    const TlsFiles& files);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CREDENTIALS_H_
