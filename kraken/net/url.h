#ifndef KRAKEN_NET_URL_H_
#define KRAKEN_NET_URL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::net {

// An http or https URL (RFC 3986), without user information: credentials in addresses leak into
// logs. A value type.
struct Url {
  static constexpr size_t kMaxBytes = 16 * 1024;

  std::string scheme = "http";  // "http" or "https", lower case
  std::string host;             // lower case; IPv6 without brackets
  uint16_t port = 80;
  // What stands in the request line: path and query, escaped as sent, beginning with '/'.
  std::string target = "/";

  // INVALID_ARGUMENT: other scheme, no host, bad port, user information, a space or control
  // character, or longer than kMaxBytes. A fragment is dropped.
  static absl::StatusOr<Url> Parse(absl::string_view text);
  // Resolves a Location against this URL: absolute, "//host/…", "/path", "?query" or relative
  // (RFC 3986 §5.2, dot segments removed).
  absl::StatusOr<Url> Resolve(absl::string_view reference) const;

  bool is_https() const { return scheme == "https"; }
  bool has_default_port() const { return port == (is_https() ? 443 : 80); }
  // "host:port", the port always there: the key of connections and of what is said in errors.
  std::string host_port() const;
  // What a Host field says: the port only if it isn't the scheme's own.
  std::string host_header() const;
  // Whether credentials for `this` may be sent to `other`.
  bool SameOrigin(const Url& other) const;
  std::string ToString() const;
  // As ToString() without the query, which may carry signatures: for errors and logs.
  std::string ToLogString() const;
};

// A request target, split but not decoded. Views into the text that was split.
struct TargetParts {
  absl::string_view path;       // "/v2/library%2Fdebian/tags/list", "*" for OPTIONS *
  absl::string_view query;      // without '?'
  absl::string_view authority;  // of an absolute-form target, else empty
};
// Accepts origin-form, absolute-form and "*" (RFC 9112 §3.2). INVALID_ARGUMENT otherwise.
absl::StatusOr<TargetParts> SplitTarget(absl::string_view target);

// Decodes each "%xx" once. INVALID_ARGUMENT for a broken escape, and for a NUL, escaped or not.
// '+' is kept.
absl::StatusOr<std::string> PercentDecode(absl::string_view text);
// Escapes everything but RFC 3986's unreserved characters, so '/' too: one path segment or one
// query value.
std::string PercentEncode(absl::string_view text);
// As PercentEncode(), keeping '/': a path of several segments.
std::string PercentEncodePath(absl::string_view text);

// "a=1&b=x%20y" decoded into pairs in order ('+' is a space, as forms have it). At most
// kMaxQueryParams. INVALID_ARGUMENT for a broken escape.
inline constexpr size_t kMaxQueryParams = 256;
using QueryParams = std::vector<std::pair<std::string, std::string>>;
absl::StatusOr<QueryParams> ParseQuery(absl::string_view query);
// The first value of that name.
absl::optional<std::string> FindQueryParam(const QueryParams& params, absl::string_view name);

}  // namespace kraken::net

#endif  // KRAKEN_NET_URL_H_
