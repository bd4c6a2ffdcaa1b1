#ifndef KRAKEN_REGISTRY_AUTH_CHALLENGE_H_
#define KRAKEN_REGISTRY_AUTH_CHALLENGE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/http_message.h"

namespace kraken::registry {

// One challenge of a WWW-Authenticate field (RFC 9110 §11.6.1), for example
//   Bearer realm="https://harbor/service/token",service="harbor-registry",scope="repository:a:pull"
struct AuthChallenge {
  std::string scheme;  // lower case: "basic", "bearer"
  // Names in lower case, values unquoted, in order.
  std::vector<std::pair<std::string, std::string>> params;
  std::string token68;  // instead of params, e.g. of Negotiate

  // `name` in lower case.
  absl::optional<absl::string_view> Get(absl::string_view name) const;

  friend bool operator==(const AuthChallenge&, const AuthChallenge&) = default;
};

inline constexpr size_t kMaxAuthChallenges = 16;
inline constexpr size_t kMaxAuthParams = 32;

// All challenges of one field value, in order. An empty value has none: Harbor sends that for a
// project that does not exist. Values that should be quoted and are not (a scope, with its colons)
// are taken up to the next comma or space.
// INVALID_ARGUMENT: anything else, and a parameter that is given twice.
absl::StatusOr<std::vector<AuthChallenge>> ParseAuthChallenges(absl::string_view header);

// The challenges of all WWW-Authenticate fields, as far as they can be read: one bad field must not
// hide a good one.
std::vector<AuthChallenge> ChallengesOf(const net::HeaderMap& headers);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_AUTH_CHALLENGE_H_
