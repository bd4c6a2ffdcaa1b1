#include "kraken/storage/piece_table.h"

#include "kraken/base/test_util.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

constexpr int64_t kPiece = 64 << 10;

class PieceTableTest : public testing::Test {
 protected:
  absl::Status Know(PieceTable& table, int first, int count) {
    return table.SetStates(PieceIndex(first),
                           absl::MakeConstSpan(blob_.states)
                               .subspan(static_cast<size_t>(first), static_cast<size_t>(count)),
                           &changed_);
  }
  absl::Status Mark(PieceTable& table, int piece) {
    bool changed;
    return table.MarkVerified(PieceIndex(piece), &changed);
  }

  const TestBlob blob_{4 * kPiece + 5, kPiece};
  std::vector<PieceIndex> changed_;
  PieceTable table_{blob_.digest, kPiece, blob_.layout};
};

TEST_F(PieceTableTest, PieceNeedsTheStatesAroundIt) {
  EXPECT_FALSE(table_.CanVerify(PieceIndex(0)));
  ASSERT_OK(Know(table_, 1, 1));
  EXPECT_FALSE(table_.CanVerify(PieceIndex(1)));
  EXPECT_FALSE(table_.CanVerify(PieceIndex(4)));
  EXPECT_THAT(Mark(table_, 1), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(Know(table_, 0, 1));
  EXPECT_TRUE(table_.CanVerify(PieceIndex(0)));
  EXPECT_TRUE(table_.CanVerify(PieceIndex(1)));
  ASSERT_OK(Know(table_, 3, 1));
  EXPECT_TRUE(table_.CanVerify(PieceIndex(4)));
  EXPECT_FALSE(table_.CanVerify(PieceIndex(5)));
  EXPECT_FALSE(table_.CanVerify(PieceIndex(-1)));
}

TEST_F(PieceTableTest, ContradictingStatesAreRefusedAsAWhole) {
  ASSERT_OK(Know(table_, 1, 1));
  std::vector<Sha256State> wrong = blob_.states;
  wrong[1].words[0] ^= 1;
  EXPECT_THAT(table_.SetStates(PieceIndex(0), wrong, &changed_),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(table_.StateAfter(PieceIndex(0)).has_value());
  ASSERT_OK(Know(table_, 0, 4));
}

TEST_F(PieceTableTest, StatesBeyondTheInnerPiecesAreRefused) {
  for (const int first : {-1, 4, 5, 1 << 30}) {
    EXPECT_THAT(
        table_.SetStates(PieceIndex(first), absl::MakeConstSpan(blob_.states).first(1), &changed_),
        StatusIs(absl::StatusCode::kOutOfRange));
  }
  EXPECT_THAT(table_.SetStates(PieceIndex(1), blob_.states, &changed_),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(PieceTableTest, OnlyNewStatesAreReportedAsChanged) {
  ASSERT_OK(Know(table_, 1, 1));
  changed_.clear();
  ASSERT_OK(Know(table_, 0, 4));
  EXPECT_THAT(changed_, testing::ElementsAre(PieceIndex(0), PieceIndex(2), PieceIndex(3)));
}

TEST_F(PieceTableTest, PrefixAndRunsFollowTheVerifiedPieces) {
  ASSERT_OK(Know(table_, 0, 4));
  ASSERT_OK(Mark(table_, 1));
  EXPECT_EQ(table_.PrefixBytes(), 0);
  EXPECT_EQ(table_.VerifiedEnd(0), 0);
  EXPECT_EQ(table_.VerifiedEnd(kPiece + 3), 2 * kPiece);
  ASSERT_OK(Mark(table_, 0));
  EXPECT_EQ(table_.PrefixBytes(), 2 * kPiece);
  EXPECT_EQ(table_.VerifiedEnd(5), 2 * kPiece);
  ASSERT_OK(Mark(table_, 4));
  EXPECT_EQ(table_.VerifiedEnd(4 * kPiece + 1), 4 * kPiece + 5);
  EXPECT_FALSE(table_.all_verified());
  ASSERT_OK(Mark(table_, 2));
  ASSERT_OK(Mark(table_, 2));
  ASSERT_OK(Mark(table_, 3));
  EXPECT_TRUE(table_.all_verified());
  EXPECT_EQ(table_.PrefixBytes(), 4 * kPiece + 5);
  EXPECT_EQ(table_.VerifiedEnd(0), 4 * kPiece + 5);
  EXPECT_EQ(table_.States(), blob_.states);
}

TEST_F(PieceTableTest, UnknownSizeHasInnerPiecesOnlyUntilItIsKnown) {
  PieceTable table(blob_.digest, kPiece, std::nullopt);
  ASSERT_OK(Know(table, 0, 4));
  for (int i = 0; i < 4; ++i) ASSERT_OK(Mark(table, i));
  EXPECT_THAT(Mark(table, 4), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(table.all_verified());
  EXPECT_THAT(table.SetSize(ByteCount(4 * kPiece)), StatusIs(absl::StatusCode::kOutOfRange));
  ASSERT_OK(table.SetSize(blob_.size()));
  EXPECT_THAT(table.SetSize(ByteCount(1)), StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(Mark(table, 4));
  EXPECT_TRUE(table.all_verified());
}

}  // namespace
}  // namespace kraken::storage
