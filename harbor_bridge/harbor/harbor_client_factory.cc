#include "harbor_bridge/harbor/harbor_client_factory.h"

#include <utility>

#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace harbor_bridge::api {

absl::StatusOr<std::shared_ptr<HarborClient>> MakeHarborClient(
    const std::string& name, const kraken::backend::RegistryConfig& config,
    kraken::net::BlockingHttpClient* http) {
  absl::StatusOr<kraken::registry::RegistryClientOptions> registry =
      kraken::backend::MakeRegistryClientOptions(config);
  if (!registry.ok()) return kraken::Annotate(registry.status(), "harbors[].api");
  HarborClientOptions options;
  options.name = name;
  options.url = std::move(registry->registry);
  if (registry->credentials.has_value()) options.credentials = *registry->credentials;
  options.tls = std::move(registry->tls);
  options.timeout = config.timeout;
  return std::make_shared<HarborClient>(std::move(options), http);
}

}  // namespace harbor_bridge::api
