#ifndef KRAKEN_BASE_MANUAL_CLOCK_H_
#define KRAKEN_BASE_MANUAL_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace kraken {

// Stands still until told: for tests and simulations. Thread safe.
class ManualClock : public Clock {
 public:
  // Starts at 2024-01-01 00:00 UTC, or at `start`; the monotonic clock starts at its origin.
  ManualClock();
  explicit ManualClock(absl::Time start);

  absl::Time Now() const override ABSL_LOCKS_EXCLUDED(mutex_);
  MonotonicTime MonotonicNow() const override ABSL_LOCKS_EXCLUDED(mutex_);

  // Moves both clocks on. REQUIRES: step >= 0.
  void Advance(absl::Duration step) ABSL_LOCKS_EXCLUDED(mutex_);

  // Sets the calendar alone, backward too, as an administrator or NTP may.
  void SetNow(absl::Time now) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  mutable absl::Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  MonotonicTime monotonic_now_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_MANUAL_CLOCK_H_
