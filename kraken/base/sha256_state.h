#ifndef KRAKEN_BASE_SHA256_STATE_H_
#define KRAKEN_BASE_SHA256_STATE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace kraken {

// SHA-256's chaining value (FIPS 180-4 §6.2: H(i)) after a whole number of 64-byte blocks, before
// padding. It is what a piece list holds for each piece.
struct Sha256State {
  static constexpr size_t kSizeBytes = 32;
  using Bytes = std::array<uint8_t, kSizeBytes>;

  std::array<uint32_t, 8> words{};

  friend bool operator==(const Sha256State&, const Sha256State&) = default;

  // The eight words, each big endian, as SHA-256 itself would print them.
  Bytes ToBytes() const;
  static Sha256State FromBytes(const Bytes& bytes);

  template <typename H>
  friend H AbslHashValue(H state, const Sha256State& value) {
    return H::combine(std::move(state), value.words);
  }
};

// The state before the first byte (FIPS 180-4 §5.3.3).
Sha256State InitialSha256State();

}  // namespace kraken

#endif  // KRAKEN_BASE_SHA256_STATE_H_
