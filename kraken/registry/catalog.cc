#include "kraken/registry/catalog.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace kraken::registry {

absl::StatusOr<CatalogPage> ParseCatalog(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, ParseJson(body));
  const nlohmann::json* list = FindJson(document, "repositories");
  if (list == nullptr) return absl::InvalidArgumentError("a catalog without `repositories`");
  CatalogPage page;
  if (list->is_null()) return page;
  if (!list->is_array()) return absl::InvalidArgumentError("`repositories` is no list");
  for (const nlohmann::json& entry : *list) {
    const std::optional<std::string> text = JsonString(&entry);
    if (!text.has_value()) return absl::InvalidArgumentError("`repositories` has what is no text");
    page.last = *text;
    absl::StatusOr<RepositoryName> name = RepositoryName::Parse(*text);
    if (name.ok()) {
      page.repositories.push_back(*std::move(name));
    } else {
      ++page.skipped;
    }
  }
  return page;
}

}  // namespace kraken::registry
