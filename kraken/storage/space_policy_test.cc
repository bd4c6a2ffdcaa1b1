#include "kraken/storage/space_policy.h"

#include "gtest/gtest.h"

namespace kraken::storage {
namespace {

constexpr SpaceLimits kLimits{
    .quota_bytes = 1000, .min_free_bytes = 50, .high_watermark = 0.9, .low_watermark = 0.8};

SpaceUse Use(int64_t used, int64_t available = 1 << 20) {
  return {.used_bytes = used, .unallocated_bytes = 0, .available_bytes = available};
}

TEST(SpacePolicyTest, EvictsFromHighToLowWatermark) {
  EXPECT_EQ(SpaceToEvict(kLimits, Use(800), 100), 0);
  EXPECT_EQ(SpaceToEvict(kLimits, Use(801), 100), 101);
  EXPECT_EQ(SpaceToEvict(kLimits, Use(1200), 0), 400);
}

TEST(SpacePolicyTest, CapacityIsTheLimitAndNotTheWatermark) {
  EXPECT_TRUE(SpaceFits(kLimits, Use(900), 100));
  EXPECT_FALSE(SpaceFits(kLimits, Use(900), 101));
}

TEST(SpacePolicyTest, VolumeCountsWhenItHasLessThanTheQuota) {
  // The store has 500 and the volume gives 150 more, of which 50 stay free.
  EXPECT_EQ(SpaceCapacity(kLimits, Use(500, 150)), 600);
  EXPECT_TRUE(SpaceFits(kLimits, Use(500, 150), 100));
  EXPECT_FALSE(SpaceFits(kLimits, Use(500, 150), 101));
  EXPECT_EQ(SpaceToEvict(kLimits, Use(500, 150), 100), 600 - 480);
}

TEST(SpacePolicyTest, WithoutQuotaTheVolumeIsTheLimit) {
  SpaceLimits limits = kLimits;
  limits.quota_bytes = 0;
  EXPECT_EQ(SpaceCapacity(limits, Use(500, 150)), 600);
}

TEST(SpacePolicyTest, ReservationsThatOnlyWeKnowOfAreNotCountedTwice) {
  SpaceUse use = Use(500, 150);
  use.unallocated_bytes = 80;  // part of the 500, still available to others
  EXPECT_EQ(SpaceCapacity(kLimits, use), 520);
  EXPECT_TRUE(SpaceFits(kLimits, use, 20));
  EXPECT_FALSE(SpaceFits(kLimits, use, 21));
}

TEST(SpacePolicyTest, FullVolumeHasNoRoomAndNoNegativeCapacity) {
  EXPECT_EQ(SpaceCapacity(kLimits, Use(0, 0)), 0);
  EXPECT_FALSE(SpaceFits(kLimits, Use(0, 0), 1));
}

}  // namespace
}  // namespace kraken::storage
