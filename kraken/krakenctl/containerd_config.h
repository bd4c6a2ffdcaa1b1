#ifndef KRAKEN_KRAKENCTL_CONTAINERD_CONFIG_H_
#define KRAKEN_KRAKENCTL_CONTAINERD_CONFIG_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::krakenctl {

// Where containerd looks for hosts.toml unless it is told otherwise.
inline constexpr absl::string_view kDefaultCertsDirectory = "/etc/containerd/certs.d";

// What containerd's config.toml says of mirrors: the key `config_path` of its registry section, the
// folders, parted by ':', in which it looks for hosts.toml.
struct ContainerdConfig {
  // Of the file's format: 2 (containerd 1.3 and later) or 3 (2.0 and later).
  int version = 2;
  // Nothing: the key is not there or empty. containerd 2.2 and later then looks in
  // kDefaultCertsDirectory, older ones nowhere.
  absl::optional<std::string> config_path;
  // Other files may set it.
  bool has_imports = false;
};

// Nothing for `text`: there is no such file. Errors: INVALID_ARGUMENT, "line 3: …", for what can't
// be read; FAILED_PRECONDITION for a file of version 1.
absl::StatusOr<ContainerdConfig> ReadContainerdConfig(const absl::optional<std::string>& text);

// The lines that set the key in a file of that version.
std::string ConfigPathLines(int version);

// The file with the key set to kDefaultCertsDirectory, in a marked block. FAILED_PRECONDITION,
// "line 3: …", where it has mirrors in the old form, with which containerd does not take the key,
// or the section in a form that can't be added to.
// REQUIRES: ReadContainerdConfig() is OK and found no config_path.
absl::StatusOr<std::string> SetConfigPath(const absl::optional<std::string>& before);

// The file as it was before SetConfigPath(), or nothing if there was none. `before` if it has no
// block of ours.
absl::StatusOr<absl::optional<std::string>> UnsetConfigPath(const std::string& before);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_CONTAINERD_CONFIG_H_
