#include "kraken/base/strong_index.h"

#include <sstream>
#include <type_traits>

#include "absl/hash/hash_testing.h"
#include "gtest/gtest.h"

namespace kraken {
namespace {

template <typename A, typename B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <typename A, typename B>
concept Subtractable = requires(A a, B b) {
  a - b;
};
template <typename A, typename B>
concept Comparable = requires(A a, B b) {
  a == b;
};

TEST(StrongIndexTest, MixingDoesNotCompile) {
  static_assert(!std::is_convertible_v<int, PieceIndex>);
  static_assert(!std::is_convertible_v<PieceIndex, int>);
  static_assert(!std::is_convertible_v<PieceCount, PieceIndex>);
  static_assert(!Addable<PieceIndex, PieceIndex>);
  static_assert(!Addable<PieceIndex, ByteCount>);
  static_assert(!Addable<ByteOffset, PieceCount>);
  static_assert(!Subtractable<PieceCount, PieceIndex>);
  static_assert(!Comparable<PieceIndex, PieceCount>);
  static_assert(!Comparable<ByteOffset, ByteCount>);
}

TEST(StrongIndexTest, PointsAndDistances) {
  static_assert(PieceIndex(3) + PieceCount(2) == PieceIndex(5));
  static_assert(ByteOffset(10) - ByteOffset(4) == ByteCount(6));
  static_assert(ByteOffset(4) - ByteOffset(10) == ByteCount(-6));
  static_assert(ByteCount(10) * 3 - ByteCount(1) == ByteCount(29));
  ByteOffset offset(1);
  offset += ByteCount(4);
  EXPECT_EQ(offset, ByteOffset(5));
  PieceIndex index;
  EXPECT_EQ(++index, PieceIndex(1));
  EXPECT_LT(index, PieceIndex(2));
}

TEST(StrongIndexTest, OffsetsReachBeyondFourGigabytes) {
  EXPECT_EQ((ByteOffset(int64_t{1} << 40) + ByteCount(1)).value(), (int64_t{1} << 40) + 1);
}

TEST(StrongIndexTest, ValidIndexesAreThoseOfTheBlob) {
  EXPECT_FALSE(IsValidIndex(PieceIndex(-1), PieceCount(2)));
  EXPECT_TRUE(IsValidIndex(PieceIndex(0), PieceCount(2)));
  EXPECT_TRUE(IsValidIndex(PieceIndex(1), PieceCount(2)));
  EXPECT_FALSE(IsValidIndex(PieceIndex(2), PieceCount(2)));
  EXPECT_FALSE(IsValidIndex(PieceIndex(0), PieceCount(0)));
}

TEST(StrongIndexTest, HashesAndPrints) {
  EXPECT_TRUE(
      absl::VerifyTypeImplementsAbslHashCorrectly({PieceIndex(0), PieceIndex(1), PieceIndex(-1)}));
  std::ostringstream stream;
  stream << PieceIndex(7) << " " << ByteCount(8);
  EXPECT_EQ(stream.str(), "7 8");
}

}  // namespace
}  // namespace kraken
