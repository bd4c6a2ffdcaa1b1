#include "kraken/storage/piece_layout.h"

#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

constexpr int64_t kKiB = 1 << 10;
constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kGiB = 1 << 30;

PieceLayout Make(int64_t size, int64_t piece_length) {
  return PieceLayout::Create(ByteCount(size), ByteCount(piece_length)).value();
}

TEST(PieceLayoutTest, LastPieceIsShorter) {
  const PieceLayout layout = Make(3 * 64 * kKiB + 1, 64 * kKiB);
  EXPECT_EQ(layout.piece_count(), PieceCount(4));
  EXPECT_EQ(layout.OffsetOf(PieceIndex(3)), ByteOffset(3 * 64 * kKiB));
  EXPECT_EQ(layout.LengthOf(PieceIndex(2)), ByteCount(64 * kKiB));
  EXPECT_EQ(layout.LengthOf(PieceIndex(3)), ByteCount(1));
  EXPECT_EQ(layout.PieceAt(ByteOffset(64 * kKiB - 1)), PieceIndex(0));
  EXPECT_EQ(layout.PieceAt(ByteOffset(64 * kKiB)), PieceIndex(1));
}

TEST(PieceLayoutTest, WholePiecesHaveNoEmptyOneAfterThem) {
  EXPECT_EQ(Make(4 * 64 * kKiB, 64 * kKiB).piece_count(), PieceCount(4));
}

TEST(PieceLayoutTest, EmptyBlobHasOneEmptyPiece) {
  const PieceLayout layout = Make(0, 64 * kKiB);
  EXPECT_EQ(layout.piece_count(), PieceCount(1));
  EXPECT_EQ(layout.LengthOf(PieceIndex(0)), ByteCount(0));
}

TEST(PieceLayoutTest, PiecesTileTheBlob) {
  for (int64_t size = 1; size < 5 * 64 * kKiB; size += 7919) {
    const PieceLayout layout = Make(size, 64 * kKiB);
    int64_t sum = 0;
    for (int i = 0; i < layout.piece_count().value(); ++i) {
      EXPECT_EQ(layout.OffsetOf(PieceIndex(i)).value(), sum);
      sum += layout.LengthOf(PieceIndex(i)).value();
    }
    EXPECT_EQ(sum, size);
  }
}

TEST(PieceLayoutTest, ImpossibleShapesAreRefused) {
  for (int64_t length : {int64_t{0}, int64_t{-1}, 32 * kKiB, 64 * kKiB + 1, 96 * kKiB, 2 * kGiB}) {
    EXPECT_THAT(PieceLayout::Create(ByteCount(1), ByteCount(length)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << length;
  }
  EXPECT_THAT(PieceLayout::Create(ByteCount(-1), ByteCount(64 * kKiB)),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(PieceLayout::Create(ByteCount(int64_t{1} << 62), ByteCount(64 * kKiB)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PieceLengthTest, IsPowerOfTwoNearSizeOver1500WithinBounds) {
  EXPECT_EQ(PieceLengthFor(ByteCount(0)), ByteCount(256 * kKiB));
  EXPECT_EQ(PieceLengthFor(ByteCount(100 * kMiB)), ByteCount(256 * kKiB));
  EXPECT_EQ(PieceLengthFor(ByteCount(1500 * kMiB)), ByteCount(kMiB));
  EXPECT_EQ(PieceLengthFor(ByteCount(3 * kGiB)), ByteCount(2 * kMiB));
  EXPECT_EQ(PieceLengthFor(ByteCount(1500 * 4 * kMiB)), ByteCount(4 * kMiB));
  EXPECT_EQ(PieceLengthFor(ByteCount(100 * kGiB)), ByteCount(8 * kMiB));
}

TEST(PieceLengthTest, GrowsWithSizeAndIsNearest) {
  int64_t former = 0;
  for (int64_t size = kMiB; size < 64 * kGiB; size += 37 * kMiB) {
    const int64_t length = PieceLengthFor(ByteCount(size)).value();
    EXPECT_TRUE(IsValidPieceLength(length));
    EXPECT_GE(length, former);
    former = length;
    if (length == kMinAutomaticPieceLength || length == kMaxAutomaticPieceLength) continue;
    const double ratio = static_cast<double>(size) / 1500 / static_cast<double>(length);
    EXPECT_GT(ratio, 0.70) << size;
    EXPECT_LT(ratio, 1.42) << size;
  }
}

TEST(PieceLengthTableTest, LargestKeyThatIsNotLargerApplies) {
  ASSERT_OK_AND_ASSIGN(const PieceLengthTable table,
                       PieceLengthTable::Create({{kMiB, 4 * kMiB}, {kGiB, 8 * kMiB}}));
  EXPECT_EQ(table.LengthFor(ByteCount(kMiB - 1)), ByteCount(256 * kKiB));
  EXPECT_EQ(table.LengthFor(ByteCount(kMiB)), ByteCount(4 * kMiB));
  EXPECT_EQ(table.LengthFor(ByteCount(kGiB)), ByteCount(8 * kMiB));
  EXPECT_EQ(PieceLengthTable().LengthFor(ByteCount(kMiB)), ByteCount(256 * kKiB));
}

TEST(PieceLengthTableTest, OddLengthIsNamed) {
  EXPECT_THAT(PieceLengthTable::Create({{0, 3 * kMiB}}),
              StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr("3145728")));
}

}  // namespace
}  // namespace kraken::storage
