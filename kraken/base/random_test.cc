#include "kraken/base/random.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <random>
#include <vector>

#include "absl/types/span.h"
#include "gtest/gtest.h"

namespace kraken {
namespace {

// The reference implementations, by their authors, give these for seed 0.
TEST(RandomTest, SequenceOfASeedNeverChanges) {
  SeededBitGen bits(0);
  EXPECT_EQ(bits.Next(), 11091344671253066420u);
  EXPECT_EQ(bits.Next(), 13793997310169335082u);
  EXPECT_EQ(bits.Next(), 1900383378846508768u);
}

TEST(RandomTest, SeedsGiveDifferentSequences) {
  EXPECT_NE(SeededBitGen(1).Next(), SeededBitGen(2).Next());
  SystemBitGen system;
  EXPECT_NE(system.Next(), system.Next());
}

TEST(RandomTest, UniformStaysBelowTheBoundAndReachesAllOfIt) {
  SeededBitGen bits(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 7000; ++i) ++counts.at(bits.Uniform(7));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
  EXPECT_EQ(bits.Uniform(1), 0u);
  EXPECT_LT(bits.Uniform((uint64_t{1} << 63) + 1), (uint64_t{1} << 63) + 1);
}

TEST(RandomTest, UniformDoubleAndBernoulli) {
  SeededBitGen bits(1);
  double sum = 0;
  int heads = 0;
  for (int i = 0; i < 10000; ++i) {
    const double x = bits.UniformDouble();
    ASSERT_GE(x, 0);
    ASSERT_LT(x, 1);
    sum += x;
    heads += bits.Bernoulli(0.25) ? 1 : 0;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
  EXPECT_NEAR(heads, 2500, 200);
  EXPECT_FALSE(bits.Bernoulli(0));
  EXPECT_TRUE(bits.Bernoulli(1));
}

TEST(RandomTest, ShuffleIsAPermutation) {
  SeededBitGen bits(3);
  std::vector<int> items(50);
  std::iota(items.begin(), items.end(), 0);
  const std::vector<int> before = items;
  bits.Shuffle(items);
  EXPECT_NE(items, before);
  EXPECT_TRUE(std::is_permutation(items.begin(), items.end(), before.begin()));
}

TEST(RandomTest, FillReachesEveryByte) {
  for (size_t size = 0; size < 20; ++size) {
    SeededBitGen bits(size);
    std::vector<uint8_t> seen(size, 0);
    for (int round = 0; round < 20; ++round) {
      std::vector<uint8_t> bytes(size, 0);
      bits.Fill(absl::MakeSpan(bytes));
      for (size_t i = 0; i < size; ++i) seen[i] |= bytes[i];
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0) << size;
  }
}

TEST(RandomTest, WorksWithTheStandardLibrary) {
  SeededBitGen bits(1);
  EXPECT_LE(std::uniform_int_distribution<int>(1, 6)(bits), 6);
}

}  // namespace
}  // namespace kraken
