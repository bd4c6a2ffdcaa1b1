#include "kraken/base/manual_clock.h"

#include "kraken/base/check.h"

namespace kraken {
namespace {

constexpr int64_t kStartUnixSeconds = 1704067200;  // 2024-01-01 00:00 UTC

}  // namespace

ManualClock::ManualClock() : ManualClock(absl::FromUnixSeconds(kStartUnixSeconds)) {}

ManualClock::ManualClock(absl::Time start) : now_(start) {}

absl::Time ManualClock::Now() const {
  absl::MutexLock lock(&mutex_);
  return now_;
}

MonotonicTime ManualClock::MonotonicNow() const {
  absl::MutexLock lock(&mutex_);
  return monotonic_now_;
}

void ManualClock::Advance(absl::Duration step) {
  KH_CHECK(step >= absl::ZeroDuration());
  absl::MutexLock lock(&mutex_);
  now_ += step;
  monotonic_now_ += step;
}

void ManualClock::SetNow(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  now_ = now;
}

}  // namespace kraken
