#include "kraken/base/clock.h"

#include <ctime>

namespace kraken {

const SystemClock& SystemClock::Get() {
  static const SystemClock clock;
  return clock;
}

absl::Time SystemClock::Now() const {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return absl::TimeFromTimespec(now);
}

MonotonicTime SystemClock::MonotonicNow() const {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return MonotonicTime::FromOrigin(absl::DurationFromTimespec(now));
}

}  // namespace kraken
