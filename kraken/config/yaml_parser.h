#ifndef KRAKEN_CONFIG_YAML_PARSER_H_
#define KRAKEN_CONFIG_YAML_PARSER_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/config/node.h"

namespace kraken::config {

// What one file may hold. Far beyond every real configuration; a hostile one is refused in bounded
// time and memory.
inline constexpr size_t kMaxFileBytes = 1 << 20;
inline constexpr size_t kMaxScalarBytes = 64 << 10;
inline constexpr int kMaxDepth = 40;
// Counted after the expansion of aliases.
inline constexpr size_t kMaxNodes = 20'000;
inline constexpr size_t kMaxTextBytes = 4 << 20;

// Parses one YAML 1.1 document. `file_name` is what positions will show. Anchors, aliases and merge
// keys ("<<") are expanded. Values are not interpreted but for null; the standard's tags are
// accepted and ignored. An empty file is an empty map.
//
// FAILED_PRECONDITION, with file, line and column: a syntax error, a root that is no map, a key
// twice in one map, a key that is no scalar, a tag of the user's own, a second document, or a limit
// above.
absl::StatusOr<Node> ParseYaml(absl::string_view text, absl::string_view file_name);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_YAML_PARSER_H_
