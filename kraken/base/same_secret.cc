#include "kraken/base/same_secret.h"

#include <openssl/mem.h>

#include "kraken/base/digest.h"
#include "kraken/base/sha256.h"

namespace kraken {

bool IsSameSecret(absl::string_view given, absl::string_view expected) {
  const Digest a = Sha256Digest(given);
  const Digest b = Sha256Digest(expected);
  return CRYPTO_memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

}  // namespace kraken
