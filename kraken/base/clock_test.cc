#include "kraken/base/clock.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(ClockTest, SystemClockIsTheMachines) {
  const Clock& clock = SystemClock::Get();
  EXPECT_LT(absl::AbsDuration(clock.Now() - absl::Now()), absl::Seconds(10));
  const MonotonicTime first = clock.MonotonicNow();
  EXPECT_GE(clock.MonotonicNow(), first);
}

TEST(MonotonicTimeTest, ArithmeticAndOrder) {
  const MonotonicTime start = MonotonicTime::FromOrigin(absl::Seconds(5));
  EXPECT_EQ((start + absl::Seconds(2)) - start, absl::Seconds(2));
  EXPECT_LT(start - absl::Nanoseconds(1), start);
  EXPECT_LT(start + absl::Hours(1000000), MonotonicTime::InfiniteFuture());
}

}  // namespace
}  // namespace kraken
