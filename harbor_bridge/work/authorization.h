#ifndef HARBOR_BRIDGE_WORK_AUTHORIZATION_H_
#define HARBOR_BRIDGE_WORK_AUTHORIZATION_H_

#include "absl/strings/string_view.h"
#include "kraken/net/http_exchange.h"

namespace harbor_bridge {

// Whether a request brings this Authorization. `expected` empty: none is needed.
bool IsAuthorized(const kraken::net::HttpExchange& exchange, absl::string_view expected);

// 401 with what a client needs to do better.
void RespondUnauthorized(kraken::net::HttpExchange& exchange);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_AUTHORIZATION_H_
