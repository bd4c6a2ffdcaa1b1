#ifndef KRAKEN_SWARM_INSTANT_H_
#define KRAKEN_SWARM_INSTANT_H_

#include <compare>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace kraken::swarm {

// A point on a monotonic clock, in nanoseconds since an origin that means nothing. 8 bytes and
// plain arithmetic, because the engine stores one per request and the simulator compares billions.
class Instant {
 public:
  constexpr Instant() = default;
  static constexpr Instant FromNanos(int64_t nanos) { return Instant(nanos); }
  // Later than every other instant: "no deadline".
  static constexpr Instant Never() { return Instant(std::numeric_limits<int64_t>::max()); }

  constexpr int64_t nanos() const { return nanos_; }

  friend constexpr auto operator<=>(Instant, Instant) = default;
  // REQUIRES: no overflow; Never() is not a term.
  friend constexpr Instant operator+(Instant a, int64_t nanos) { return Instant(a.nanos_ + nanos); }
  friend constexpr Instant operator-(Instant a, int64_t nanos) { return Instant(a.nanos_ - nanos); }
  // The nanoseconds from `b` to `a`.
  friend constexpr int64_t operator-(Instant a, Instant b) { return a.nanos_ - b.nanos_; }

 private:
  explicit constexpr Instant(int64_t nanos) : nanos_(nanos) {}

  int64_t nanos_ = 0;
};

constexpr int64_t kNanosPerMicro = 1'000;
constexpr int64_t kNanosPerMilli = 1'000'000;
constexpr int64_t kNanosPerSecond = 1'000'000'000;

inline int64_t ToNanos(absl::Duration duration) { return absl::ToInt64Nanoseconds(duration); }

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_INSTANT_H_
