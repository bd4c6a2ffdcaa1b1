#include "kraken/base/median.h"

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(MedianTest, OfAnOddNumberTheOneInTheMiddle) {
  const MedianAndSpread told = MedianAndSpread::Of({3, 1, 8});
  EXPECT_EQ(told.median, 3);
  EXPECT_EQ(told.least, 1);
  EXPECT_EQ(told.most, 8);
}

TEST(MedianTest, OfAnEvenNumberTheMeanOfTwo) {
  EXPECT_EQ(MedianAndSpread::Of({4, 1, 2, 9}).median, 3);
}

}  // namespace
}  // namespace kraken
