#include "kraken/access/client_credential.h"

#include <cstring>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/digest.h"
#include "kraken/base/random.h"
#include "kraken/base/sha256.h"

namespace kraken::access {
namespace {

// Harbor's tokens are one to three kilobytes.
constexpr size_t kMaxBytes = 16 * 1024;

bool ConsumeScheme(absl::string_view& text, absl::string_view scheme) {
  if (!absl::StartsWithIgnoreCase(text, scheme)) return false;
  text.remove_prefix(scheme.size());
  if (text.empty() || text.front() != ' ') return false;
  text = absl::StripAsciiWhitespace(text);
  return true;
}

// RFC 6750 §2.1.
bool IsToken(absl::string_view text) {
  if (text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isalnum(static_cast<unsigned char>(c)) &&
        absl::string_view("-._~+/=").find(c) == absl::string_view::npos) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::StatusOr<ClientCredential> ClientCredential::Parse(absl::string_view authorization) {
  absl::string_view text = absl::StripAsciiWhitespace(authorization);
  if (text.empty()) return ClientCredential();
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the Authorization field is longer than ", kMaxBytes, " bytes"));
  }
  if (ConsumeScheme(text, "bearer")) {
    if (!IsToken(text)) {
      return absl::InvalidArgumentError("the Authorization field's Bearer token is malformed");
    }
    return ClientCredential(Bearer{std::string(text)});
  }
  std::string pair;
  if (ConsumeScheme(text, "basic") && absl::Base64Unescape(text, &pair)) {
    const size_t colon = pair.find(':');
    if (colon != std::string::npos) {
      registry::BasicCredentials basic{pair.substr(0, colon), pair.substr(colon + 1)};
      // Docker sends an empty pair where it has nothing.
      if (basic.empty()) return ClientCredential();
      return ClientCredential(std::move(basic));
    }
  }
  return absl::InvalidArgumentError(
      "the Authorization field is neither Basic with user:password nor Bearer");
}

CredentialHasher::CredentialHasher() {
  SystemBitGen bits;
  for (size_t i = 0; i < key_.size(); i += sizeof(uint64_t)) {
    const uint64_t word = bits.Next();
    std::memcpy(&key_[i], &word, sizeof(word));
  }
}

std::string CredentialHasher::NameOf(const ClientCredential& credential) const {
  if (credential.is_anonymous()) return "anonymous";
  std::string text;
  if (const registry::BasicCredentials* basic = credential.basic()) {
    text = registry::BasicAuthorization(*basic);
  } else {
    text = absl::StrCat("Bearer ", credential.bearer()->token);
  }
  // Key first and last: the name of a text says nothing of a longer one.
  Sha256 hash;
  hash.Update(key_);
  hash.Update(text);
  hash.Update(key_);
  return hash.Finish().hex();
}

}  // namespace kraken::access
