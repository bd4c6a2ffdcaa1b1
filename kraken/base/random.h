#ifndef KRAKEN_BASE_RANDOM_H_
#define KRAKEN_BASE_RANDOM_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/types/span.h"

namespace kraken {

// A source of random bits, given to whatever decides by chance, so that one seed reproduces a run.
// The derived draws are ours, not the standard library's, so the same seed means the same run with
// every compiler. Also a UniformRandomBitGenerator. Not thread safe unless the implementation says
// so.
class BitGen {
 public:
  using result_type = uint64_t;
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return std::numeric_limits<uint64_t>::max(); }

  virtual ~BitGen() = default;

  // 64 uniform bits.
  virtual uint64_t Next() = 0;
  uint64_t operator()() { return Next(); }

  // Uniform in [0, bound), without bias. REQUIRES: bound > 0.
  uint64_t Uniform(uint64_t bound);

  // Uniform in [0, 1).
  double UniformDouble();

  // True with the given probability (clamped to [0, 1]).
  bool Bernoulli(double probability);

  void Fill(absl::Span<uint8_t> out);

  // A uniform permutation (Fisher-Yates).
  template <typename Container>
  void Shuffle(Container& items) {
    for (size_t i = items.size(); i > 1; --i) {
      using std::swap;
      swap(items[i - 1], items[static_cast<size_t>(Uniform(i))]);
    }
  }
};

// Reproducible: xoshiro256** 1.0 (Blackman, Vigna 2018), its state filled by splitmix64 from
// `seed`. Not for secrets.
class SeededBitGen : public BitGen {
 public:
  explicit SeededBitGen(uint64_t seed);
  uint64_t Next() override;

 private:
  std::array<uint64_t, 4> state_;
};

// The kernel's generator (getrandom(2)): unpredictable, thread safe.
class SystemBitGen : public BitGen {
 public:
  uint64_t Next() override;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_RANDOM_H_
