#ifndef KRAKEN_BASE_CLOCK_H_
#define KRAKEN_BASE_CLOCK_H_

#include <compare>

#include "absl/time/time.h"

namespace kraken {

// A point on a clock that never jumps and never goes back: for timeouts and rates. Its origin means
// nothing, and it does not survive the process.
class MonotonicTime {
 public:
  constexpr MonotonicTime() = default;
  static constexpr MonotonicTime FromOrigin(absl::Duration since_origin) {
    return MonotonicTime(since_origin);
  }
  // Later than every other time: "no deadline".
  static MonotonicTime InfiniteFuture() { return MonotonicTime(absl::InfiniteDuration()); }

  absl::Duration since_origin() const { return since_origin_; }

  friend bool operator==(MonotonicTime a, MonotonicTime b) {
    return a.since_origin_ == b.since_origin_;
  }
  friend std::strong_ordering operator<=>(MonotonicTime a, MonotonicTime b) {
    if (a.since_origin_ < b.since_origin_) return std::strong_ordering::less;
    if (b.since_origin_ < a.since_origin_) return std::strong_ordering::greater;
    return std::strong_ordering::equal;
  }
  friend MonotonicTime operator+(MonotonicTime a, absl::Duration b) {
    return MonotonicTime(a.since_origin_ + b);
  }
  friend MonotonicTime operator-(MonotonicTime a, absl::Duration b) {
    return MonotonicTime(a.since_origin_ - b);
  }
  friend absl::Duration operator-(MonotonicTime a, MonotonicTime b) {
    return a.since_origin_ - b.since_origin_;
  }
  MonotonicTime& operator+=(absl::Duration b) { return *this = *this + b; }

 private:
  explicit constexpr MonotonicTime(absl::Duration since_origin) : since_origin_(since_origin) {}

  absl::Duration since_origin_;
};

// The only way to the time, so that tests and simulations can own it. Implementations are thread
// safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // The calendar's time, which may jump: for what people and other hosts read.
  virtual absl::Time Now() const = 0;

  virtual MonotonicTime MonotonicNow() const = 0;
};

// The machine's clocks (CLOCK_REALTIME, CLOCK_MONOTONIC).
class SystemClock : public Clock {
 public:
  // One for all; lives as long as the process.
  static const SystemClock& Get();

  absl::Time Now() const override;
  MonotonicTime MonotonicNow() const override;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_CLOCK_H_
