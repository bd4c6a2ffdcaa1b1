#include "kraken/telemetry/log_throttle.h"

#include <optional>

#include "gtest/gtest.h"

namespace kraken::telemetry {
namespace {

MonotonicTime At(int seconds) { return MonotonicTime::FromOrigin(absl::Seconds(seconds)); }

TEST(LogThrottleTest, LetsOneThroughPerIntervalAndCountsTheOthers) {
  LogThrottle throttle(absl::Seconds(10));
  EXPECT_EQ(throttle.Admit(At(0)), std::optional<uint64_t>(0));
  EXPECT_EQ(throttle.Admit(At(0)), std::nullopt);
  EXPECT_EQ(throttle.Admit(At(9)), std::nullopt);
  EXPECT_EQ(throttle.Admit(At(10)), std::optional<uint64_t>(2));
  EXPECT_EQ(throttle.Admit(At(19)), std::nullopt);
  EXPECT_EQ(throttle.Admit(At(100)), std::optional<uint64_t>(1));
  EXPECT_EQ(throttle.Admit(At(110)), std::optional<uint64_t>(0));
}

}  // namespace
}  // namespace kraken::telemetry
