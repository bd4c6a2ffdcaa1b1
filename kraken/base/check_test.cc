#include "kraken/base/check.h"

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(CheckTest, DoesNothingIfTheConditionHolds) {
  int evaluations = 0;
  KH_CHECK(++evaluations == 1);
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckDeathTest, NamesPlaceAndConditionAndAborts) {
  EXPECT_DEATH(KH_CHECK(1 + 1 == 3), "check_test.cc:[0-9]+: check failed: 1 \\+ 1 == 3");
}

#ifdef NDEBUG
TEST(CheckTest, DebugCheckIsNotEvaluatedInProduction) {
  int evaluations = 0;
  KH_DCHECK(++evaluations == 7);
  EXPECT_EQ(evaluations, 0);
}
#endif

}  // namespace
}  // namespace kraken
