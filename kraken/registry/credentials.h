#ifndef KRAKEN_REGISTRY_CREDENTIALS_H_
#define KRAKEN_REGISTRY_CREDENTIALS_H_

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace kraken::registry {

// A user name and its password. The password never goes into a log or a Status.
struct BasicCredentials {
  std::string username;
  std::string password;

  // Kraken's sample configs have `basic: {username: "", password: ""}` for anonymous access.
  bool empty() const { return username.empty() && password.empty(); }
};

// The value of an Authorization field (RFC 7617).
inline std::string BasicAuthorization(const BasicCredentials& credentials) {
  return absl::StrCat(
      "Basic ", absl::Base64Escape(absl::StrCat(credentials.username, ":", credentials.password)));
}

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_CREDENTIALS_H_
