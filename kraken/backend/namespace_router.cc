#include "kraken/backend/namespace_router.h"

#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/backend/backend.h"

namespace kraken::backend {

absl::StatusOr<Backend*> NamespaceRouter::Find(const Namespace& ns) const {
  const std::string full = ns.ToString();
  for (const Route& route : routes_) {
    if (re2::RE2::PartialMatch(full, *route.pattern) ||
        re2::RE2::PartialMatch(ns.repository(), *route.pattern)) {
      return route.backend.get();
    }
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no backend for namespace ", full, "; the expressions under `backends` are: ",
                   absl::StrJoin(routes_, ", ", [](std::string* out, const Route& route) {
                     out->append(route.pattern->pattern());
                   })));
}

}  // namespace kraken::backend
