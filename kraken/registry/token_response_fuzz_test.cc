#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/token_client.h"

// Whatever a token server sends: no usable token, or one that fits into a header field and lives
// for a bounded time.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<kraken::registry::BearerToken> token = kraken::registry::ParseTokenResponse(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!token.ok()) return 0;
  KH_CHECK(!token->value.empty());
  KH_CHECK(kraken::net::IsHeaderValue(token->value));
  KH_CHECK(token->lifetime > absl::ZeroDuration() && token->lifetime <= absl::Hours(24));
  return 0;
}
