#include "kraken/base/sha1.h"

#include "openssl/sha.h"

namespace kraken {

std::array<uint8_t, 20> Sha1(absl::string_view bytes) {
  std::array<uint8_t, 20> hash;
  static_assert(hash.size() == SHA_DIGEST_LENGTH);
  SHA1(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(), hash.data());
  return hash;
}

}  // namespace kraken
