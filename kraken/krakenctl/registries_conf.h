#ifndef KRAKEN_KRAKENCTL_REGISTRIES_CONF_H_
#define KRAKEN_KRAKENCTL_REGISTRIES_CONF_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::krakenctl {

// The editor of a drop-in for podman, buildah, skopeo and CRI-O (containers-registries.conf.d(5)):
// a file of our own with a marked block for each registry. Errors are INVALID_ARGUMENT, "line 3:
// …".
//
// These runtimes replace the image's registry by the mirror's location and say nothing of it: for
// harbor.example.com/library/debian they ask localhost:13000 for library/debian, or, with the
// location localhost:13000/harbor.example.com, for harbor.example.com/library/debian.

struct RegistriesConfOptions {
  std::string registry;  // "harbor.example.com"
  std::string location;  // "localhost:13000", "localhost:13000/harbor.example.com"
  bool insecure = true;  // the agent speaks plain HTTP
};

// `before` (nothing: there is no such file) with the registry's block.
absl::StatusOr<std::string> InstallInRegistriesConf(const absl::optional<std::string>& before,
                                                    const RegistriesConfOptions& options);

// `before` without the registry's block; nothing if that was all. An empty `registry`: without any.
absl::StatusOr<absl::optional<std::string>> RemoveFromRegistriesConf(const std::string& before,
                                                                     absl::string_view registry);

// The registries that have a block.
absl::StatusOr<std::vector<std::string>> RegistriesWithBlock(absl::string_view text);

// What another file says of the same registry. FAILED_PRECONDITION, "line 3: …": it has an entry
// for it, which ours would displace or be displaced by. `*narrower`: entries for parts of it, which
// keep their own mirrors, "harbor.example.com/team-b".
absl::Status CheckOtherRegistriesConf(absl::string_view text, absl::string_view registry,
                                      std::vector<std::string>* narrower);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_REGISTRIES_CONF_H_
