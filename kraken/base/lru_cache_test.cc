#include "kraken/base/lru_cache.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken {
namespace {

using ::testing::Eq;
using ::testing::Optional;

TEST(LruCacheTest, HoldsTheLastValueOfAKey) {
  LruCache<std::string, int> cache(2);
  EXPECT_FALSE(cache.Find("a").has_value());
  cache.Put("a", 1);
  cache.Put("a", 2);
  EXPECT_THAT(cache.Find("a"), Optional(Eq(2)));
  EXPECT_EQ(cache.cost(), 1u);
}

TEST(LruCacheTest, ForgetsWhatWasUsedLeastRecently) {
  LruCache<std::string, int> cache(2);
  cache.Put("a", 1);
  cache.Put("b", 2);
  EXPECT_TRUE(cache.Find("a").has_value());
  cache.Put("c", 3);
  EXPECT_TRUE(cache.Find("a").has_value());
  EXPECT_FALSE(cache.Find("b").has_value());
  EXPECT_TRUE(cache.Find("c").has_value());
}

TEST(LruCacheTest, CountsWhatEntriesCost) {
  LruCache<std::string, int> cache(100);
  cache.Put("a", 1, 40);
  cache.Put("b", 2, 40);
  cache.Put("a", 3, 50);
  EXPECT_EQ(cache.cost(), 90u);
  cache.Put("c", 4, 60);
  EXPECT_FALSE(cache.Find("a").has_value());
  EXPECT_FALSE(cache.Find("b").has_value());
  EXPECT_EQ(cache.cost(), 60u);
}

TEST(LruCacheTest, DoesNotKeepWhatIsLargerThanAll) {
  LruCache<std::string, int> cache(100);
  cache.Put("a", 1, 101);
  EXPECT_FALSE(cache.Find("a").has_value());
  EXPECT_EQ(cache.cost(), 0u);
}

}  // namespace
}  // namespace kraken
