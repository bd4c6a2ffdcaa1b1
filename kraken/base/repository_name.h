#ifndef KRAKEN_BASE_REPOSITORY_NAME_H_
#define KRAKEN_BASE_REPOSITORY_NAME_H_

#include <compare>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken {

// The name of a repository, for example "library/debian", checked against the grammar of the OCI
// distribution specification 1.1 ("Pulling manifests"):
//   [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*
// so it is safe in a URL path and in a file path. Never empty, except after a move.
class RepositoryName {
 public:
  static constexpr size_t kMaxLength = 255;

  // INVALID_ARGUMENT if `text` is not such a name.
  static absl::StatusOr<RepositoryName> Parse(absl::string_view text);

  const std::string& ToString() const { return name_; }
  const std::string& value() const { return name_; }

  friend bool operator==(const RepositoryName&, const RepositoryName&) = default;
  friend auto operator<=>(const RepositoryName&, const RepositoryName&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const RepositoryName& name) {
    return H::combine(std::move(state), name.name_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const RepositoryName& name) {
    stream << name.name_;
    return stream;
  }

 private:
  explicit RepositoryName(absl::string_view name) : name_(name) {}

  std::string name_;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_REPOSITORY_NAME_H_
