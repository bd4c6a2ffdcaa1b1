#include "harbor_bridge/work/harbor_routes.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

namespace harbor_bridge {

using Exchange = std::shared_ptr<kraken::net::HttpExchange>;

void AddNamedHarborRoute(kraken::net::Router& router, absl::string_view method,
                         absl::string_view path, const Harbors* harbors, HarborHandler handler) {
  router.Add(method, absl::StrCat("/{harbor}", path),
             [harbors, handler = std::move(handler)](Exchange exchange) {
               const absl::StatusOr<const Harbor*> harbor =
                   harbors->Find(exchange->path_param("harbor"));
               if (harbor.ok()) {
                 handler(std::move(exchange), **harbor);
               } else {
                 exchange->RespondError(404, harbor.status().message());
               }
             });
}

void AddHarborRoute(kraken::net::Router& router, absl::string_view method, absl::string_view path,
                    const Harbors* harbors, const HarborHandler& handler) {
  router.Add(method, path, [harbors, handler](Exchange exchange) {
    handler(std::move(exchange), harbors->first());
  });
  AddNamedHarborRoute(router, method, path, harbors, handler);
}

}  // namespace harbor_bridge
