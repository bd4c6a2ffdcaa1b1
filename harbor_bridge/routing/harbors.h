#ifndef HARBOR_BRIDGE_ROUTING_HARBORS_H_
#define HARBOR_BRIDGE_ROUTING_HARBORS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/namespace.h"
#include "kraken/base/repository_name.h"
#include "kraken/registry/registry_client.h"

namespace re2 {
class RE2;
}

namespace harbor_bridge {

// One Harbor.
struct Harbor {
  std::string name;
  // Repositories of this Harbor that users name without a host.
  std::shared_ptr<const re2::RE2> plain;
  // How users name its other repositories: "harbor-eu.example.com/library/debian". May be empty.
  std::string host;
  // What its requests must bring as Authorization; empty: nothing.
  std::string authorization;
  std::shared_ptr<kraken::registry::RegistryClient> client;
  // A client of the same registry that brings a token instead of our own credentials.
  std::function<std::shared_ptr<kraken::registry::RegistryClient>(std::string token)>
      client_with_token;
};

// All Harbors, in the order of the configuration. Immutable, thread-safe.
class Harbors {
 public:
  explicit Harbors(std::vector<Harbor> harbors) : harbors_(std::move(harbors)) {}

  // FAILED_PRECONDITION names those that there are.
  absl::StatusOr<const Harbor*> Find(absl::string_view name) const;
  // Bare paths belong to the first. REQUIRES: there is one.
  const Harbor& first() const { return harbors_.front(); }
  const std::vector<Harbor>& all() const { return harbors_; }

  // Under which name the cluster knows a repository of this Harbor: plain if this is the first
  // Harbor whose expression matches, else with its host. FAILED_PRECONDITION if it has none: then
  // nobody can pull it.
  absl::StatusOr<kraken::Namespace> NamespaceOf(const Harbor& harbor,
                                                const kraken::RepositoryName& repository) const;

  // The Harbor that users mean: by its host, or by a plain name (`host` is empty). NOT_FOUND names
  // the hosts that there are.
  absl::StatusOr<const Harbor*> OwnerOf(absl::string_view host,
                                        const kraken::RepositoryName& repository) const;

 private:
  const std::vector<Harbor> harbors_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_ROUTING_HARBORS_H_
