#ifndef KRAKEN_TELEMETRY_LOG_THROTTLE_H_
#define KRAKEN_TELEMETRY_LOG_THROTTLE_H_

#include <cstdint>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace kraken::telemetry {

// Keeps what others can cause as often as they like from filling the log: lets one line through per
// `interval`, and counts those that it holds back. Thread safe.
class LogThrottle {
 public:
  explicit LogThrottle(absl::Duration interval) : interval_(interval) {}

  // None: say nothing now. Else how many have been held back since the last line.
  std::optional<uint64_t> Admit(MonotonicTime now) {
    const absl::MutexLock lock(&mu_);
    if (last_.has_value() && now - *last_ < interval_) {
      ++held_back_;
      return std::nullopt;
    }
    last_ = now;
    const uint64_t held_back = held_back_;
    held_back_ = 0;
    return held_back;
  }

 private:
  const absl::Duration interval_;
  absl::Mutex mu_;
  std::optional<MonotonicTime> last_ ABSL_GUARDED_BY(mu_);
  uint64_t held_back_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_LOG_THROTTLE_H_
