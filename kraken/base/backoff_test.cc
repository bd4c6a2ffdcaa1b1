#include "kraken/base/backoff.h"

#include <optional>

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken {
namespace {

BackoffOptions WithoutJitter() {
  BackoffOptions options;
  options.initial_interval = absl::Seconds(1);
  options.multiplier = 2;
  options.max_interval = absl::Seconds(5);
  options.randomization_factor = 0;
  return options;
}

TEST(BackoffTest, GrowsToTheMaximum) {
  SeededBitGen bits(1);
  Backoff backoff(WithoutJitter(), &bits);
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(1));
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(2));
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(4));
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(5));
  for (int i = 0; i < 10000; ++i) backoff.NextDelay();
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(5));
}

TEST(BackoffTest, RetriesRunOutAndResetGivesThemBack) {
  SeededBitGen bits(1);
  BackoffOptions options = WithoutJitter();
  options.max_retries = 2;
  Backoff backoff(options, &bits);
  EXPECT_TRUE(backoff.NextDelay().has_value());
  EXPECT_TRUE(backoff.NextDelay().has_value());
  EXPECT_EQ(backoff.NextDelay(), std::nullopt);
  EXPECT_EQ(backoff.retries(), 2);
  backoff.Reset();
  EXPECT_EQ(backoff.NextDelay(), absl::Seconds(1));
}

TEST(BackoffTest, JitterStaysInItsBand) {
  SeededBitGen bits(1);
  BackoffOptions options = WithoutJitter();
  options.max_interval = options.initial_interval;
  options.randomization_factor = 0.5;
  Backoff backoff(options, &bits);
  absl::Duration low = absl::InfiniteDuration();
  absl::Duration high = absl::ZeroDuration();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration delay = *backoff.NextDelay();
    low = std::min(low, delay);
    high = std::max(high, delay);
  }
  EXPECT_GE(low, absl::Milliseconds(500));
  EXPECT_LE(low, absl::Milliseconds(550));
  EXPECT_LE(high, absl::Milliseconds(1500));
  EXPECT_GE(high, absl::Milliseconds(1450));
}

TEST(BackoffTest, NonsenseIsClamped) {
  SeededBitGen bits(1);
  BackoffOptions options;
  options.initial_interval = absl::Seconds(-1);
  options.max_interval = absl::Seconds(-2);
  options.multiplier = 0;
  options.randomization_factor = 7;
  Backoff backoff(options, &bits);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(backoff.NextDelay(), absl::ZeroDuration());
}

}  // namespace
}  // namespace kraken
