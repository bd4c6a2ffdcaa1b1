// For tests of what reads a configuration.
#ifndef KRAKEN_CONFIG_CONFIG_TEST_UTIL_H_
#define KRAKEN_CONFIG_CONFIG_TEST_UTIL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/config/reader.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::config {

// The document `text`, which errors and warnings call "f.yaml". Errors as ParseYaml() and
// ReadDocument(). `warnings`, if given, are replaced.
template <typename T>
absl::StatusOr<T> ReadYaml(absl::string_view text, std::vector<std::string>* warnings = nullptr) {
  const absl::StatusOr<Node> root = ParseYaml(text, "f.yaml");
  if (!root.ok()) return root.status();
  T config;
  std::vector<std::string> seen;
  absl::Status status = ReadDocument(*root, &config, &seen);
  if (warnings != nullptr) *warnings = std::move(seen);
  if (!status.ok()) return status;
  return config;
}

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_CONFIG_TEST_UTIL_H_
