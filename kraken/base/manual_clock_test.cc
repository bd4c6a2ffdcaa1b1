#include "kraken/base/manual_clock.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(ManualClockTest, StandsStillUntilAdvanced) {
  ManualClock clock;
  const absl::Time wall = clock.Now();
  const MonotonicTime monotonic = clock.MonotonicNow();
  EXPECT_EQ(clock.Now(), wall);
  clock.Advance(absl::Seconds(3));
  EXPECT_EQ(clock.Now() - wall, absl::Seconds(3));
  EXPECT_EQ(clock.MonotonicNow() - monotonic, absl::Seconds(3));
}

TEST(ManualClockTest, CalendarMayJumpBackAndMonotonicTimeDoesNot) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  const MonotonicTime monotonic = clock.MonotonicNow();
  clock.SetNow(absl::FromUnixSeconds(500));
  EXPECT_EQ(clock.Now(), absl::FromUnixSeconds(500));
  EXPECT_EQ(clock.MonotonicNow(), monotonic);
}

}  // namespace
}  // namespace kraken
