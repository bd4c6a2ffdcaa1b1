#include "kraken/registry/token_cache.h"

#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/clock.h"

namespace kraken::registry {
namespace {

const MonotonicTime kStart = MonotonicTime::FromOrigin(absl::Hours(1));

TEST(TokenCacheTest, KeepsTokensPerScope) {
  TokenCache cache;
  cache.Put("a", {"token-a", absl::Minutes(5)}, kStart);
  cache.Put("b", {"token-b", absl::Minutes(5)}, kStart);
  EXPECT_EQ(cache.Get("a", kStart), "token-a");
  EXPECT_EQ(cache.Get("b", kStart), "token-b");
  EXPECT_EQ(cache.Get("c", kStart), absl::nullopt);
}

TEST(TokenCacheTest, TokenIsRenewedBeforeItsEnd) {
  TokenCache cache;
  cache.Put("a", {"token", absl::Seconds(100)}, kStart);
  EXPECT_EQ(cache.Get("a", kStart + absl::Seconds(79)), "token");
  EXPECT_EQ(cache.Get("a", kStart + absl::Seconds(80)), absl::nullopt);
}

TEST(TokenCacheTest, OnlyTheRefusedTokenIsForgotten) {
  TokenCache cache;
  cache.Put("a", {"new", absl::Minutes(5)}, kStart);
  cache.Invalidate("a", "old");
  EXPECT_EQ(cache.Get("a", kStart), "new");
  cache.Invalidate("a", "new");
  EXPECT_EQ(cache.Get("a", kStart), absl::nullopt);
}

TEST(TokenCacheTest, FullCacheDropsWhatHasExpired) {
  TokenCache cache(2);
  cache.Put("a", {"1", absl::Seconds(10)}, kStart);
  cache.Put("b", {"2", absl::Minutes(10)}, kStart);
  cache.Put("c", {"3", absl::Minutes(5)}, kStart + absl::Seconds(10));
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Get("b", kStart), "2");
  EXPECT_EQ(cache.Get("c", kStart), "3");
}

TEST(TokenCacheTest, FullCacheDropsWhatExpiresFirst) {
  TokenCache cache(2);
  cache.Put("a", {"1", absl::Minutes(9)}, kStart);
  cache.Put("b", {"2", absl::Minutes(5)}, kStart);
  cache.Put("c", {"3", absl::Minutes(7)}, kStart);
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_EQ(cache.Get("b", kStart), absl::nullopt);
}

TEST(TokenCacheTest, RenewingNeedsNoRoom) {
  TokenCache cache(2);
  cache.Put("a", {"1", absl::Minutes(9)}, kStart);
  cache.Put("b", {"2", absl::Minutes(5)}, kStart);
  cache.Put("a", {"3", absl::Minutes(9)}, kStart);
  EXPECT_EQ(cache.Get("a", kStart), "3");
  EXPECT_EQ(cache.Get("b", kStart), "2");
}

}  // namespace
}  // namespace kraken::registry
