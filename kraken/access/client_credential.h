#ifndef KRAKEN_ACCESS_CLIENT_CREDENTIAL_H_
#define KRAKEN_ACCESS_CLIENT_CREDENTIAL_H_

#include <array>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/registry/credentials.h"

namespace kraken::access {

// What a client says to prove who it is. The text never goes into a log or a Status.
class ClientCredential {
 public:
  // A token as it was sent.
  struct Bearer {
    std::string token;
  };
  using Value = std::variant<std::monostate, registry::BasicCredentials, Bearer>;

  // Nobody in particular.
  ClientCredential() = default;
  explicit ClientCredential(Value value) : value_(std::move(value)) {}

  // The value of an Authorization field; empty: nobody in particular. INVALID_ARGUMENT: neither
  // Basic (RFC 7617) nor Bearer (RFC 6750), or too long.
  static absl::StatusOr<ClientCredential> Parse(absl::string_view authorization);

  bool is_anonymous() const { return std::holds_alternative<std::monostate>(value_); }
  const registry::BasicCredentials* basic() const {
    return std::get_if<registry::BasicCredentials>(&value_);
  }
  const Bearer* bearer() const { return std::get_if<Bearer>(&value_); }

 private:
  Value value_;
};

// Names credentials in a cache without keeping them: a hash with a key that is drawn when the
// process starts, so that neither a core dump's names nor those of another process tell anything.
class CredentialHasher {
 public:
  CredentialHasher();

  std::string NameOf(const ClientCredential& credential) const;

 private:
  std::array<uint8_t, 32> key_;
};

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_CLIENT_CREDENTIAL_H_
