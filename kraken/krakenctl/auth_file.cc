#include "kraken/krakenctl/auth_file.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace kraken::krakenctl {
namespace {

// "https://harbor.example.com/v2/" is harbor.example.com's.
absl::string_view HostOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "https://")) absl::ConsumePrefix(&name, "http://");
  return name.substr(0, name.find('/'));
}

// Logins for a part of a registry, "host/project", are podman's; they are not the whole host's.
bool IsOf(absl::string_view name, absl::string_view host) {
  return name == host ||
         ((absl::StartsWith(name, "https://") || absl::StartsWith(name, "http://")) &&
          HostOf(name) == host);
}

absl::StatusOr<std::optional<registry::BasicCredentials>> Read(const nlohmann::json& entry,
                                                               absl::string_view name) {
  const std::optional<std::string> auth = JsonString(FindJson(entry, "auth"));
  if (!auth.has_value() || auth->empty()) return std::optional<registry::BasicCredentials>();
  std::string pair;
  const size_t colon = absl::Base64Unescape(*auth, &pair) ? pair.find(':') : std::string::npos;
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("auths of ", name, ": `auth` is not the base64 of user:password"));
  }
  return registry::BasicCredentials{pair.substr(0, colon), pair.substr(colon + 1)};
}

}  // namespace

absl::StatusOr<std::optional<registry::BasicCredentials>> FindCredentials(
    absl::string_view text, const std::vector<std::string>& hosts) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json file, ParseJson(text));
  if (!file.is_object()) return absl::InvalidArgumentError("not an object with `auths`");
  const nlohmann::json* auths = FindJson(file, "auths");
  if (auths == nullptr) return std::optional<registry::BasicCredentials>();
  if (!auths->is_object()) return absl::InvalidArgumentError("`auths` is not an object");
  for (const std::string& host : hosts) {
    for (const auto& [name, entry] : auths->items()) {
      if (!IsOf(name, host)) continue;
      KH_ASSIGN_OR_RETURN(std::optional<registry::BasicCredentials> found, Read(entry, name));
      if (found.has_value()) return found;
    }
  }
  return std::optional<registry::BasicCredentials>();
}

std::string DefaultAuthFile() {
  const auto in = [](const char* variable, absl::string_view path) {
    const char* directory = std::getenv(variable);
    return directory == nullptr ? std::string() : absl::StrCat(directory, path);
  };
  for (const std::string& path :
       {in("REGISTRY_AUTH_FILE", ""), in("DOCKER_CONFIG", "/config.json"),
        in("HOME", "/.docker/config.json"), in("XDG_RUNTIME_DIR", "/containers/auth.json")}) {
    if (!path.empty() && access(path.c_str(), F_OK) == 0) return path;
  }
  return "";
}

}  // namespace kraken::krakenctl
