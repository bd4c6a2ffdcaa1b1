#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/access/client_credential.h"
#include "kraken/base/check.h"

// Whatever an Authorization field holds, it is a credential that can be sent on, or refused.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view field(reinterpret_cast<const char*>(data), size);
  const auto credential = kraken::access::ClientCredential::Parse(field);
  if (!credential.ok()) {
    KH_CHECK(absl::IsInvalidArgument(credential.status()));
    return 0;
  }
  static const kraken::access::CredentialHasher hasher;
  KH_CHECK(!hasher.NameOf(*credential).empty());
  if (const auto* bearer = credential->bearer()) {
    for (const char c : bearer->token) KH_CHECK(c > ' ' && c < 0x7f);
  }
  return 0;
}
