#ifndef KRAKEN_BACKEND_REGISTRY_CLIENT_FACTORY_H_
#define KRAKEN_BACKEND_REGISTRY_CLIENT_FACTORY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "kraken/backend/backend_config.h"
#include "kraken/base/random.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/registry_client.h"

namespace kraken::backend {

// How to speak to a registry as configured, its TLS files read.
// FAILED_PRECONDITION: the address or a TLS file is wrong.
absl::StatusOr<registry::RegistryClientOptions> MakeRegistryClientOptions(
    const RegistryConfig& config);

// A client that does. `http` and `bits` outlive it; `bits` is thread-safe. Errors as above.
absl::StatusOr<std::shared_ptr<registry::RegistryClient>> MakeRegistryClient(
    const RegistryConfig& config, net::BlockingHttpClient* http, BitGen* bits);

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_REGISTRY_CLIENT_FACTORY_H_
