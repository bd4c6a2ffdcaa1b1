#ifndef KRAKEN_BASE_NAMESPACE_H_
#define KRAKEN_BASE_NAMESPACE_H_

#include <compare>
#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/repository_name.h"

namespace kraken {

// Where a blob or tag belongs: (host, repository). `host` is the registry's host, or the name of
// the Harbor it maps to, or empty: then the namespace is the repository alone, as in Kraken.
// Backends, bandwidth, access and bridge actions are chosen by a regex on ToString(), then on
// repository().
//
// Kraken's own processes also send namespaces that are no OCI repository ("TODO", "repo:tag",
// "__noop__"), so `repository` is held to a wider rule: 1 to kMaxRepositoryLength printable ASCII
// characters but '\', '%', '?' and '#', in segments parted by '/' of which none is empty, "." or
// "..". It is safe in a path, and ToRepositoryName() tells whether it is a repository.
class Namespace {
 public:
  static constexpr size_t kMaxRepositoryLength = 511;

  // Splits `text` by the docker rule (host_name.h): the part before the first '/' is the host if it
  // looks like one. INVALID_ARGUMENT on a bad host or repository.
  static absl::StatusOr<Namespace> Parse(absl::string_view text);

  // `host` may be empty, a host, or a Harbor's configured name ([A-Za-z0-9._-]+).
  static absl::StatusOr<Namespace> Create(absl::string_view host, absl::string_view repository);

  // For a repository without a host: cannot fail.
  explicit Namespace(const RepositoryName& repository) : repository_(repository.ToString()) {}

  const std::string& host() const { return host_; }
  const std::string& repository() const { return repository_; }

  // INVALID_ARGUMENT if repository() does not follow the OCI grammar.
  absl::StatusOr<RepositoryName> ToRepositoryName() const;

  // "host/repository", or "repository" if there is no host.
  std::string ToString() const;

  friend bool operator==(const Namespace&, const Namespace&) = default;
  friend auto operator<=>(const Namespace&, const Namespace&) = default;

  template <typename H>
  friend H AbslHashValue(H state, const Namespace& value) {
    return H::combine(std::move(state), value.host_, value.repository_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const Namespace& value) {
    stream << value.ToString();
    return stream;
  }

 private:
  Namespace(std::string host, std::string repository)
      : host_(std::move(host)), repository_(std::move(repository)) {}

  std::string host_;
  std::string repository_;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_NAMESPACE_H_
