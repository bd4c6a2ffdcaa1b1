#ifndef KRAKEN_KRAKENCTL_AUTH_FILE_H_
#define KRAKEN_KRAKENCTL_AUTH_FILE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/registry/credentials.h"

namespace kraken::krakenctl {

// What docker, podman and skopeo keep of a login: {"auths": {"host:port": {"auth": base64 of
// "user:password"}}}. An entry's name may be a URL, as docker has it. The first of `hosts` that has
// one counts; nullopt: none has, or it is in a credential helper, which is not asked.
// INVALID_ARGUMENT: not such a file.
absl::StatusOr<std::optional<registry::BasicCredentials>> FindCredentials(
    absl::string_view text, const std::vector<std::string>& hosts);

// The file that those programs read: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json,
// ~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json; the first that is there. Empty:
// none.
std::string DefaultAuthFile();

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_AUTH_FILE_H_
