#include "kraken/backend/namespace_router.h"

#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/namespace_pattern.h"

namespace kraken::backend {

absl::StatusOr<Backend*> NamespaceRouter::Find(const Namespace& ns) const {
  for (const Route& route : routes_) {
    if (MatchesNamespace(*route.pattern, ns)) return route.backend.get();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "no backend for namespace ", ns.ToString(), "; the expressions under `backends` are: ",
      absl::StrJoin(routes_, ", ", [](std::string* out, const Route& route) {
        out->append(route.pattern->pattern());
      })));
}

}  // namespace kraken::backend
