#ifndef HARBOR_BRIDGE_WORK_HARBOR_ROUTES_H_
#define HARBOR_BRIDGE_WORK_HARBOR_ROUTES_H_

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"

namespace harbor_bridge {

// What is asked of the bridge on behalf of a Harbor. Runs in any HTTP loop.
using HarborHandler =
    std::function<void(std::shared_ptr<kraken::net::HttpExchange> exchange, const Harbor& harbor)>;

// "/{harbor}" and `path`; 404 names the Harbors that there are. `harbors` outlives the router.
void AddNamedHarborRoute(kraken::net::Router& router, absl::string_view method,
                         absl::string_view path, const Harbors* harbors, HarborHandler handler);

// The same, and `path` alone: the first Harbor's.
void AddHarborRoute(kraken::net::Router& router, absl::string_view method, absl::string_view path,
                    const Harbors* harbors, const HarborHandler& handler);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_HARBOR_ROUTES_H_
