#include "kraken/access/decision_cache.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace kraken::access {
namespace {

MonotonicTime At(int seconds) { return MonotonicTime::FromOrigin(absl::Seconds(seconds)); }

TEST(DecisionCacheTest, RemembersTheLastDecisionAndItsTime) {
  DecisionCache cache(2);
  EXPECT_FALSE(cache.Find("a").has_value());
  cache.Put("a", absl::OkStatus(), At(1));
  cache.Put("a", absl::PermissionDeniedError("no"), At(2));
  ASSERT_TRUE(cache.Find("a").has_value());
  EXPECT_TRUE(absl::IsPermissionDenied(cache.Find("a")->status));
  EXPECT_EQ(cache.Find("a")->at, At(2));
  EXPECT_EQ(cache.size(), 1u);
}

TEST(DecisionCacheTest, ForgetsWhatWasUsedLeastRecently) {
  DecisionCache cache(2);
  cache.Put("a", absl::OkStatus(), At(1));
  cache.Put("b", absl::OkStatus(), At(2));
  EXPECT_TRUE(cache.Find("a").has_value());
  cache.Put("c", absl::OkStatus(), At(3));
  EXPECT_TRUE(cache.Find("a").has_value());
  EXPECT_FALSE(cache.Find("b").has_value());
  EXPECT_TRUE(cache.Find("c").has_value());
  EXPECT_EQ(cache.size(), 2u);
}

}  // namespace
}  // namespace kraken::access
