#ifndef KRAKEN_BACKEND_TLS_CLIENT_H_
#define KRAKEN_BACKEND_TLS_CLIENT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/config/tls_config.h"
#include "kraken/net/tls_context.h"

namespace kraken::backend {

// What a section `tls` says of our connections to a server that is not of the cluster.
// `with_identity`: our certificate is presented, if there is one. Errors as
// net::TlsContext::CreateClient().
absl::StatusOr<std::shared_ptr<net::TlsContext>> MakeTlsClient(const config::TlsConfig& tls,
                                                               bool with_identity = true);

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_TLS_CLIENT_H_
