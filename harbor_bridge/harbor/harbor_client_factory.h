#ifndef HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_FACTORY_H_
#define HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_FACTORY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "kraken/backend/backend_config.h"
#include "kraken/net/blocking_http_client.h"

namespace harbor_bridge::api {

// A client of the API at `config`'s address, its TLS files read. `http` outlives it.
// FAILED_PRECONDITION: the address or a TLS file is wrong.
absl::StatusOr<std::shared_ptr<HarborClient>> MakeHarborClient(
    const std::string& name, const kraken::backend::RegistryConfig& config,
    kraken::net::BlockingHttpClient* http);

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_FACTORY_H_
