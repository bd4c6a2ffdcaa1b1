#include "kraken/base/sha256_state.h"

namespace kraken {

Sha256State::Bytes Sha256State::ToBytes() const {
  Bytes bytes;
  for (size_t i = 0; i < words.size(); ++i) {
    for (size_t j = 0; j < 4; ++j) {
      bytes[4 * i + j] = static_cast<uint8_t>(words[i] >> (24 - 8 * j));
    }
  }
  return bytes;
}

Sha256State Sha256State::FromBytes(const Bytes& bytes) {
  Sha256State state;
  for (size_t i = 0; i < state.words.size(); ++i) {
    for (size_t j = 0; j < 4; ++j) {
      state.words[i] = state.words[i] << 8 | bytes[4 * i + j];
    }
  }
  return state;
}

Sha256State InitialSha256State() {
  return {{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
           0x5be0cd19}};
}

}  // namespace kraken
