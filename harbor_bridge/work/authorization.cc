#include "harbor_bridge/work/authorization.h"

#include "kraken/base/same_secret.h"

namespace harbor_bridge {

bool IsAuthorized(const kraken::net::HttpExchange& exchange, absl::string_view expected) {
  return expected.empty() ||
         kraken::IsSameSecret(exchange.request().headers.GetOr("Authorization"), expected);
}

void RespondUnauthorized(kraken::net::HttpExchange& exchange) {
  exchange.Respond(401, {{"WWW-Authenticate", "Basic realm=\"harbor-bridge\""}},
                   "the Authorization of this Harbor's events is wrong or missing\n");
}

}  // namespace harbor_bridge
