#ifndef KRAKEN_KRAKENCTL_HOSTS_TOML_H_
#define KRAKEN_KRAKENCTL_HOSTS_TOML_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::krakenctl {

// The editor of containerd's hosts.toml, which says for one registry whom to ask (docs/hosts.md in
// containerd). Changes one marked block, and refuses what it is not sure of: INVALID_ARGUMENT,
// "line 3: …".

struct HostsTomlOptions {
  std::string registry;  // "harbor.example.com:8443"
  std::string agent;     // "http://localhost:13000"
  // Certificates in the registry's folder, by name, that containerd uses only as long as there is
  // no hosts.toml: what a new one has to name.
  std::vector<std::string> ca_files;
  // Each a certificate, and its key or nothing.
  std::vector<std::vector<std::string>> client_files;
  // Of a new file: the folder that it goes into is new too.
  bool folder_is_new = false;
};

// `before` (nothing: there is no such file) with the agent in front of all other hosts. The same as
// before if it is there already; with another agent's address in our block, that one is replaced.
absl::StatusOr<std::string> InstallInHostsToml(const absl::optional<std::string>& before,
                                               const HostsTomlOptions& options);

struct HostsTomlWithout {
  // Nothing: the file was ours alone and goes.
  absl::optional<std::string> after;
  // The folder was made for it.
  bool folder_was_new = false;
};
// Takes our block away; `before` stays if it has none.
absl::StatusOr<HostsTomlWithout> RemoveFromHostsToml(const std::string& before);

// Whether the text has a block of ours. INVALID_ARGUMENT as above.
absl::StatusOr<bool> HostsTomlHasBlock(absl::string_view text);

// What containerd takes for a registry's own address.
std::string ContainerdServer(absl::string_view registry);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_HOSTS_TOML_H_
