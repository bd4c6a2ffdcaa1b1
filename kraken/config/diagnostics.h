#ifndef KRAKEN_CONFIG_DIAGNOSTICS_H_
#define KRAKEN_CONFIG_DIAGNOSTICS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/config/position.h"

namespace kraken::config {

// How many errors one status shows; of the others it gives the number.
inline constexpr size_t kMaxShownErrors = 20;
inline constexpr size_t kMaxWarnings = 100;

// Collects what is wrong with a configuration, so that a user sees all of it at once. Not thread
// safe.
class Diagnostics {
 public:
  void AddError(const Position& position, absl::string_view message);

  // Warnings with the same `once_key` are the same warning: only the first counts.
  void AddWarning(const Position& position, absl::string_view once_key, absl::string_view message);

  size_t error_count() const { return error_count_; }

  // OK, or FAILED_PRECONDITION with one "file:line:column: message" per line, by file (in order of
  // first appearance), line and column.
  absl::Status ToStatus() const;

  // "file:line:column: message" each.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  struct Error {
    size_t file_rank;
    Position position;
    std::string message;
  };

  size_t FileRank(const Position& position);

  size_t error_count_ = 0;
  std::vector<Error> errors_;  // The first few hundred.
  std::vector<std::string> files_;
  std::vector<std::string> warnings_;
  absl::flat_hash_set<std::string> warned_;
};

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_DIAGNOSTICS_H_
