#ifndef KRAKEN_NET_LOOP_TIME_H_
#define KRAKEN_NET_LOOP_TIME_H_

#include <cstdint>
#include <ctime>
#include <limits>

#include "absl/time/time.h"

namespace kraken::net {

// Deadlines of connections, which change several times per request, are plain nanoseconds of
// CLOCK_MONOTONIC: absl::Duration's range and saturation would cost more than the rest of the work.
inline constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

inline int64_t MonotonicNs() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// `start` + `wait`, or kNever for waits longer than a year.
inline int64_t DeadlineAfter(int64_t start_ns, absl::Duration wait) {
  if (wait > absl::Hours(24 * 365)) return kNever;
  return start_ns + absl::ToInt64Nanoseconds(wait);
}

}  // namespace kraken::net

#endif  // KRAKEN_NET_LOOP_TIME_H_
