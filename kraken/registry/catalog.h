#ifndef KRAKEN_REGISTRY_CATALOG_H_
#define KRAKEN_REGISTRY_CATALOG_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/repository_name.h"

namespace kraken::registry {

// A part of a registry's list of repositories (distribution's GET /v2/_catalog, which the OCI
// specification leaves open).
struct CatalogPage {
  std::vector<RepositoryName> repositories;
  // Entries that are no repository's name.
  size_t skipped = 0;
  // The last entry: what the next page comes after. Empty: there is no entry.
  std::string last;
  // Whether the list goes on.
  bool more = false;
};

// {"repositories": […]}, which may be null; `more` is left to the response's Link.
// INVALID_ARGUMENT: something else.
absl::StatusOr<CatalogPage> ParseCatalog(absl::string_view body);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_CATALOG_H_
