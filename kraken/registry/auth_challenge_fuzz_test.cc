#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/registry/auth_challenge.h"

namespace {

using kraken::registry::AuthChallenge;

std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

std::string Render(const std::vector<AuthChallenge>& challenges) {
  std::string header;
  for (const AuthChallenge& challenge : challenges) {
    absl::StrAppend(&header, header.empty() ? "" : ", ", challenge.scheme, " ", challenge.token68);
    absl::string_view separator = "";
    for (const auto& [name, value] : challenge.params) {
      absl::StrAppend(&header, separator, name, "=", Quote(value));
      separator = ", ";
    }
  }
  return header;
}

}  // namespace

// What can be read means the same when it is written in the plainest way and read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<std::vector<AuthChallenge>> challenges =
      kraken::registry::ParseAuthChallenges(
          absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!challenges.ok()) return 0;
  KH_CHECK(challenges->size() <= kraken::registry::kMaxAuthChallenges);
  for (const AuthChallenge& challenge : *challenges) {
    KH_CHECK(!challenge.scheme.empty());
    KH_CHECK(challenge.params.size() <= kraken::registry::kMaxAuthParams);
    KH_CHECK(challenge.token68.empty() || challenge.params.empty());
  }
  const auto again = kraken::registry::ParseAuthChallenges(Render(*challenges));
  KH_CHECK(again.ok());
  KH_CHECK(*again == *challenges);
  return 0;
}
