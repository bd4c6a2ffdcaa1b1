#include "harbor_bridge/routing/harbors.h"

#include <re2/re2.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace harbor_bridge {

absl::StatusOr<const Harbor*> Harbors::Find(absl::string_view name) const {
  for (const Harbor& harbor : harbors_) {
    if (harbor.name == name) return &harbor;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("no Harbor is called \"", name, "\"; there are ",
                   absl::StrJoin(harbors_, ", ",
                                 [](std::string* out, const Harbor& h) { out->append(h.name); })));
}

absl::StatusOr<kraken::Namespace> Harbors::NamespaceOf(
    const Harbor& harbor, const kraken::RepositoryName& repository) const {
  for (const Harbor& candidate : harbors_) {
    if (!re2::RE2::PartialMatch(repository.ToString(), *candidate.plain)) continue;
    if (&candidate == &harbor) return kraken::Namespace(repository);
    break;
  }
  if (harbor.host.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "repository ", repository.ToString(), " of Harbor ", harbor.name,
        " is another Harbor's by its plain name, and harbors[].host gives it no other"));
  }
  return kraken::Namespace::Create(harbor.host, repository.ToString());
}

}  // namespace harbor_bridge
