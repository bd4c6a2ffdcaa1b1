#ifndef KRAKEN_BACKEND_NAMESPACE_ROUTER_H_
#define KRAKEN_BACKEND_NAMESPACE_ROUTER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/namespace.h"

namespace re2 {
class RE2;
}

namespace kraken::backend {

class Backend;

// Chooses the backend of a namespace: the first route whose expression matches (MatchesNamespace).
// Immutable, thread-safe.
class NamespaceRouter {
 public:
  struct Route {
    std::shared_ptr<const re2::RE2> pattern;
    std::shared_ptr<Backend> backend;
  };

  explicit NamespaceRouter(std::vector<Route> routes) : routes_(std::move(routes)) {}

  // FAILED_PRECONDITION names the namespace and all expressions.
  absl::StatusOr<Backend*> Find(const Namespace& ns) const;

  const std::vector<Route>& routes() const { return routes_; }

 private:
  const std::vector<Route> routes_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_NAMESPACE_ROUTER_H_
