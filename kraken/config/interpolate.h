#ifndef KRAKEN_CONFIG_INTERPOLATE_H_
#define KRAKEN_CONFIG_INTERPOLATE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "kraken/config/diagnostics.h"
#include "kraken/config/node.h"

namespace kraken::config {

// Where a configuration gets its bytes, so that tests need neither files nor environment.
struct Sources {
  // The whole file, or an error whose message names it: one of over kMaxFileBytes is an error too.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  // The variable's value, or nothing.
  std::function<std::optional<std::string>(const std::string& name)> get_env;

  // The process's own.
  static Sources System();
};

// Replaces, in every scalar below `root`:
//   ${file:/path}  by the file's content without one final newline (absolute paths only)
//   ${env:NAME}    by the environment variable
//   $${            by a literal ${
// What was put in is neither interpolated again nor shown in messages (Node::is_secret). Each thing
// that cannot be replaced is an error in `diagnostics`.
void Interpolate(Node& root, const Sources& sources, Diagnostics& diagnostics);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_INTERPOLATE_H_
