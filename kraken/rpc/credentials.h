#ifndef KRAKEN_RPC_CREDENTIALS_H_
#define KRAKEN_RPC_CREDENTIALS_H_

#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/current.h"
#include "kraken/base/files/reloadable.h"
#include "kraken/rpc/tls_files.h"

namespace kraken::rpc {

// What gRPC is given of TLS files. The process's ReloadRegistry reads them again when they change.
class Certificates final : public Reloadable {
 public:
  struct Pem {
    std::string authorities;
    // Empty: we have none, as a client may.
    std::string chain;
    std::string key;
  };

  // Null, which is plaintext, where `files` are empty. Errors name the file: NOT_FOUND,
  // PERMISSION_DENIED, FAILED_PRECONDITION (not PEM, or the key is not the certificate's).
  static absl::StatusOr<std::shared_ptr<Certificates>> Load(const TlsFiles& files);

  // TlsFiles::server_name.
  const std::string& server_name() const { return files_.server_name; }
  std::shared_ptr<const Pem> current() const { return current_.get(); }

  std::vector<std::string> files() const override;
  absl::Status Reload() override;

 private:
  explicit Certificates(TlsFiles files) : files_(std::move(files)) {}

  const TlsFiles files_;
  Current<Pem> current_;
};

// Mutual TLS for one port of one server, which demands a certificate that the authorities have
// signed; each handshake uses the certificates that are current then. Outlives the server.
// `certificates` null: plaintext.
std::shared_ptr<grpc::ServerCredentials> MakeServerCredentials(
    std::shared_ptr<const Certificates> certificates);

// The same for a client. Its credentials change with the certificates; what has been given out
// keeps those of its time.
class ChannelCredentials {
 public:
  // `certificates` null: plaintext.
  explicit ChannelCredentials(std::shared_ptr<const Certificates> certificates)
      : certificates_(std::move(certificates)) {}

  // Not thread-safe.
  std::shared_ptr<grpc::ChannelCredentials> current();

 private:
  const std::shared_ptr<const Certificates> certificates_;
  std::shared_ptr<const Certificates::Pem> used_;
  std::shared_ptr<grpc::ChannelCredentials> credentials_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CREDENTIALS_H_
