#include "kraken/backend/tls_client.h"

#include <utility>

namespace kraken::backend {

absl::StatusOr<std::shared_ptr<net::TlsContext>> MakeTlsClient(const config::TlsConfig& tls,
                                                               bool with_identity) {
  net::TlsClientOptions options;
  options.server_name = tls.name;
  for (const config::FilePath& file : tls.cas) options.ca_files.push_back(file.path);
  if (with_identity) {
    options.identity = {.certificate_file = tls.client.cert.path,
                        .key_file = tls.client.key.path,
                        .key_passphrase_file = tls.client.passphrase.path};
  }
  return net::TlsContext::CreateClient(std::move(options));
}

}  // namespace kraken::backend
