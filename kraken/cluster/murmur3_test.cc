#include "kraken/cluster/murmur3.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace kraken::cluster {
namespace {

TEST(Murmur3Test, MatchesPublishedVectors) {
  EXPECT_EQ(Murmur3First64(""), 0u);
  EXPECT_EQ(Murmur3First64("hello"), 0xcbd8a7b341bd9b02u);
  EXPECT_EQ(Murmur3First64("hello, world"), 0x342fac623a5ebc8eu);
  EXPECT_EQ(Murmur3First64("19 Jan 2038 at 3:14:07 AM"), 0xb89e5988b737affcu);
  EXPECT_EQ(Murmur3First64("The quick brown fox jumps over the lazy dog."), 0xcd99481f9ee902c9u);
}

// Each tail length takes its own path through the last, partial block.
TEST(Murmur3Test, EveryTailLengthGivesItsOwnValue) {
  std::set<uint64_t> seen;
  for (int length = 0; length <= 48; ++length) {
    seen.insert(Murmur3First64(std::string(length, 'x')));
  }
  EXPECT_EQ(seen.size(), 49u);
}

}  // namespace
}  // namespace kraken::cluster
