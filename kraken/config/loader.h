#ifndef KRAKEN_CONFIG_LOADER_H_
#define KRAKEN_CONFIG_LOADER_H_

#include <string>

#include "absl/status/statusor.h"
#include "kraken/config/interpolate.h"
#include "kraken/config/node.h"

namespace kraken::config {

// The longest chain of `extends`.
inline constexpr int kMaxExtends = 16;

struct LoadOptions {
  std::string config_path;   // -config
  std::string secrets_path;  // -secrets; empty: none
};

// Loads a configuration as Kraken does: a file may name, under the top-level key `extends`, another
// one that it is laid over (relative to its own folder, or absolute; and so on), and the secrets
// file, loaded in the same way, is laid over that (MergeInto says how). Then ${file:…} and ${env:…}
// are replaced (Interpolate). All scalars of the secrets file count as secret. `extends` itself is
// gone from the result.
//
// FAILED_PRECONDITION, with file, line and column where there is one: a file that can't be read or
// parsed, a cycle or too long a chain of `extends`, what could not be replaced.
absl::StatusOr<Node> Load(const LoadOptions& options, const Sources& sources = Sources::System());

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_LOADER_H_
