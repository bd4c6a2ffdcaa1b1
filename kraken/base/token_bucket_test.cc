#include "kraken/base/token_bucket.h"

#include "gtest/gtest.h"

namespace kraken {
namespace {

MonotonicTime At(double seconds) { return MonotonicTime::FromOrigin(absl::Seconds(seconds)); }

TEST(TokenBucket, StartsFullAndRefillsAtItsRate) {
  TokenBucket bucket(10, 20, At(0));
  EXPECT_TRUE(bucket.TryTake(20, At(0)));
  EXPECT_FALSE(bucket.TryTake(1, At(0.05)));
  EXPECT_TRUE(bucket.TryTake(1, At(0.1)));
  EXPECT_DOUBLE_EQ(bucket.Available(At(100)), 20);
}

TEST(TokenBucket, ALargeRequestGoesIntoDebt) {
  TokenBucket bucket(10, 5, At(0));
  EXPECT_TRUE(bucket.TryTake(25, At(0)));
  EXPECT_DOUBLE_EQ(bucket.Available(At(0)), -20);
  EXPECT_FALSE(bucket.TryTake(1, At(2)));
  EXPECT_TRUE(bucket.TryTake(1, At(2.1)));
}

TEST(TokenBucket, TellsHowLongToWait) {
  TokenBucket bucket(10, 5, At(0));
  EXPECT_EQ(bucket.Take(5, At(0)), absl::ZeroDuration());
  const absl::Duration wait = bucket.Take(3, At(0));
  EXPECT_NEAR(absl::ToDoubleSeconds(wait), 0.3, 1e-6);
  const absl::Duration until = bucket.TimeUntil(2, At(0));
  EXPECT_NEAR(absl::ToDoubleSeconds(until), 0.5, 1e-6);
  EXPECT_TRUE(bucket.TryTake(2, At(0) + until));
}

TEST(TokenBucket, HoldsTheRateInTheLongRun) {
  TokenBucket bucket(1000, 10, At(0));
  double taken = 0;
  for (int ms = 0; ms <= 10000; ++ms) {
    while (bucket.TryTake(7, At(ms / 1000.0))) taken += 7;
  }
  EXPECT_NEAR(taken, 10000, 20);
}

TEST(TokenBucket, ABackwardClockAddsNothing) {
  TokenBucket bucket(10, 10, At(100));
  EXPECT_TRUE(bucket.TryTake(10, At(100)));
  EXPECT_FALSE(bucket.TryTake(1, At(50)));
  EXPECT_FALSE(bucket.TryTake(1, At(100)));
  EXPECT_TRUE(bucket.TryTake(1, At(100.1)));
}

TEST(TokenBucket, WithoutARateEverythingIsGranted) {
  TokenBucket bucket(0, 0, At(0));
  EXPECT_TRUE(bucket.unlimited());
  EXPECT_TRUE(bucket.TryTake(1e12, At(0)));
  EXPECT_EQ(bucket.Take(1e12, At(0)), absl::ZeroDuration());
  bucket.SetRate(10, 10, At(1));
  EXPECT_FALSE(bucket.unlimited());
  EXPECT_TRUE(bucket.TryTake(1, At(1)));
}

TEST(TokenBucket, WhatIsReturnedCanBeTakenAgain) {
  TokenBucket bucket(1, 10, At(0));
  EXPECT_TRUE(bucket.TryTake(10, At(0)));
  bucket.Return(4);
  EXPECT_TRUE(bucket.TryTake(4, At(0)));
  bucket.Return(100);
  EXPECT_DOUBLE_EQ(bucket.Available(At(0)), 10);
}

}  // namespace
}  // namespace kraken
