#include "kraken/net/tls_error.h"

#include <openssl/err.h>

#include "absl/strings/str_cat.h"

namespace kraken::net {

std::string TakeTlsErrors() {
  std::string result;
  while (const uint32_t code = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(code);
    absl::StrAppend(&result, result.empty() ? "" : "; ", reason == nullptr ? "unknown" : reason);
  }
  return result.empty() ? "unknown error" : result;
}

}  // namespace kraken::net
