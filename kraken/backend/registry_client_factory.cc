#include "kraken/backend/registry_client_factory.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/backend/tls_client.h"
#include "kraken/base/clock.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/url.h"

namespace kraken::backend {

absl::StatusOr<registry::RegistryClientOptions> MakeRegistryClientOptions(
    const RegistryConfig& config) {
  const bool plain = config.tls.client.disabled;
  absl::StatusOr<net::Url> url =
      net::Url::Parse(absl::StrCat(plain ? "http" : "https", "://", config.address, "/"));
  if (!url.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat("registry address \"", config.address, "\": ", url.status().message()));
  }
  registry::RegistryClientOptions options;
  options.registry = *std::move(url);
  options.timeout = config.timeout;
  if (!config.credentials.empty()) options.credentials = config.credentials;
  if (!plain) {
    KH_ASSIGN_OR_RETURN(options.tls, MakeTlsClient(config.tls));
    KH_ASSIGN_OR_RETURN(options.redirect_tls, MakeTlsClient(config.tls, /*with_identity=*/false));
  }
  return options;
}

absl::StatusOr<std::shared_ptr<registry::RegistryClient>> MakeRegistryClient(
    const RegistryConfig& config, net::BlockingHttpClient* http, BitGen* bits) {
  KH_ASSIGN_OR_RETURN(registry::RegistryClientOptions options, MakeRegistryClientOptions(config));
  return std::make_shared<registry::RegistryClient>(std::move(options), http, &SystemClock::Get(),
                                                    bits);
}

}  // namespace kraken::backend
