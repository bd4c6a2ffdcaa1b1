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

absl::StatusOr<const Harbor*> Harbors::OwnerOf(absl::string_view host,
                                               const kraken::RepositoryName& repository) const {
  std::vector<std::string> hosts;
  for (const Harbor& harbor : harbors_) {
    const bool is_it = host.empty() ? re2::RE2::PartialMatch(repository.ToString(), *harbor.plain)
                                    : harbor.host == host;
    if (is_it) return &harbor;
    if (!harbor.host.empty()) hosts.push_back(harbor.host);
  }
  if (host.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no Harbor has ", repository.ToString(),
                     " by its plain name (harbors[].namespace); say its host before it"));
  }
  return absl::NotFoundError(absl::StrCat("no Harbor has the host ", host, "; there are: ",
                                          hosts.empty() ? "none" : absl::StrJoin(hosts, ", ")));
}

}  // namespace harbor_bridge
