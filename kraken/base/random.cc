#include "kraken/base/random.h"

#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "absl/numeric/bits.h"
#include "absl/numeric/int128.h"
#include "kraken/base/check.h"

namespace kraken {

// Lemire, "Fast random integer generation in an interval" (2019): multiply, and draw again in the
// rare case that would be biased.
uint64_t BitGen::Uniform(uint64_t bound) {
  KH_CHECK(bound > 0);
  absl::uint128 product = absl::uint128{Next()} * bound;
  // The division is only for the few draws that may be biased at all.
  if (absl::Uint128Low64(product) < bound) {
    const uint64_t biased_below = (0 - bound) % bound;
    while (absl::Uint128Low64(product) < biased_below) product = absl::uint128{Next()} * bound;
  }
  return absl::Uint128High64(product);
}

double BitGen::UniformDouble() {
  constexpr int kMantissaBits = 53;
  return static_cast<double>(Next() >> (64 - kMantissaBits)) / (uint64_t{1} << kMantissaBits);
}

bool BitGen::Bernoulli(double probability) { return UniformDouble() < probability; }

void BitGen::Fill(absl::Span<uint8_t> out) {
  while (!out.empty()) {
    uint64_t bits = Next();
    const size_t taken = std::min(out.size(), sizeof(bits));
    for (size_t i = 0; i < taken; ++i) {
      out[i] = static_cast<uint8_t>(bits);
      bits >>= 8;
    }
    out.remove_prefix(taken);
  }
}

SeededBitGen::SeededBitGen(uint64_t seed) {
  for (uint64_t& word : state_) {
    seed += 0x9e3779b97f4a7c15;
    uint64_t mixed = seed;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
    word = mixed ^ (mixed >> 31);
  }
}

uint64_t SeededBitGen::Next() {
  const uint64_t result = absl::rotl(state_[1] * 5, 7) * 9;
  const uint64_t shifted = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= shifted;
  state_[3] = absl::rotl(state_[3], 45);
  return result;
}

uint64_t SystemBitGen::Next() {
  uint64_t bits = 0;
  ssize_t got;
  do {
    got = ::getrandom(&bits, sizeof(bits), 0);
  } while (got < 0 && errno == EINTR);
  // Requests of up to 256 bytes are never cut short (getrandom(2)).
  KH_CHECK(got == sizeof(bits));
  return bits;
}

}  // namespace kraken
