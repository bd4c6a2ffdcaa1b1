#ifndef KRAKEN_KRAKENCTL_DAEMON_JSON_H_
#define KRAKEN_KRAKENCTL_DAEMON_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::krakenctl {

// The editor of docker's daemon.json: its list `registry-mirrors`, which docker asks, in order, for
// names of docker.io. All other bytes of the file stay as they are. INVALID_ARGUMENT, "line 3: …",
// for what is no JSON object, has the key twice, or something else than a list of texts there.

// `before` (nothing: there is no such file) with `mirror` as the first of the list. The same as
// before if the list has it.
absl::StatusOr<std::string> AddRegistryMirror(const absl::optional<std::string>& before,
                                              absl::string_view mirror);

// The file without `mirror`: byte for byte what AddRegistryMirror() was given, nothing if there was
// no file. `before` if the list does not have it.
absl::StatusOr<absl::optional<std::string>> RemoveRegistryMirror(const std::string& before,
                                                                 absl::string_view mirror);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_DAEMON_JSON_H_
