// Any bytes: what is found is a user's name, which has no colon.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kraken/base/check.h"
#include "kraken/krakenctl/auth_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto found = kraken::krakenctl::FindCredentials(text, {"a", "localhost:13000"});
  if (found.ok() && found->has_value()) {
    KH_CHECK((*found)->username.find(':') == std::string::npos);
  }
  return 0;
}
