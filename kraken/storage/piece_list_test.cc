#include "kraken/storage/piece_list.h"

#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;

constexpr int64_t kPiece = 64 << 10;

TEST(PieceListTest, SurvivesEncoding) {
  for (const int64_t size : {int64_t{0}, int64_t{1}, kPiece, kPiece + 1, 5 * kPiece}) {
    const TestBlob blob(size, kPiece);
    const PieceList list = blob.List();
    ASSERT_OK_AND_ASSIGN(const PieceList again, PieceList::Decode(list.Encode()));
    EXPECT_EQ(again.digest(), blob.digest);
    EXPECT_EQ(again.layout(), blob.layout);
    EXPECT_EQ(again.states(), blob.states);
    EXPECT_EQ(again.signature(), "signature");
  }
}

TEST(PieceListTest, BytesAreAsSpecified) {
  const TestBlob blob(kPiece + 1, kPiece);
  const std::string bytes = blob.List().Encode();
  ASSERT_EQ(bytes.size(), 64 + 32 + 9 + 4u);
  EXPECT_EQ(bytes.substr(0, 8), "KHPIECES");
  EXPECT_EQ(bytes.substr(8, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(bytes.substr(12, 4), std::string("\0\1\0\0", 4));
  EXPECT_EQ(bytes.substr(16, 8), std::string("\0\0\0\0\0\1\0\1", 8));
  EXPECT_EQ(bytes.substr(24, 32), ToString(blob.digest.bytes()));
  EXPECT_EQ(bytes.substr(56, 4), std::string("\0\0\0\1", 4));
  EXPECT_EQ(bytes.substr(60, 4), std::string("\0\0\0\x09", 4));
  EXPECT_EQ(bytes.substr(64, 32), ToString(blob.states[0].ToBytes()));
  EXPECT_EQ(bytes.substr(96, 9), "signature");
}

TEST(PieceListTest, EachDamagedByteIsFound) {
  const std::string good = TestBlob(3 * kPiece, kPiece).List().Encode();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x40);
    EXPECT_THAT(PieceList::Decode(bad), StatusIs(absl::StatusCode::kDataLoss)) << i;
  }
}

TEST(PieceListTest, EachTruncationAndExtensionIsFound) {
  const std::string good = TestBlob(3 * kPiece, kPiece).List().Encode();
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_THAT(PieceList::Decode(good.substr(0, length)), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(PieceList::Decode(good + '\0'),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("length")));
}

TEST(PieceListTest, NumberOfStatesMustFit) {
  TestBlob blob(3 * kPiece, kPiece);
  blob.states.pop_back();
  EXPECT_THAT(PieceList::Create(blob.digest, blob.layout, blob.states, ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(PieceListTest, EachPieceStartsWhereTheFormerEnds) {
  const TestBlob blob(3 * kPiece, kPiece);
  const PieceList list = blob.List();
  EXPECT_EQ(list.StartOf(PieceIndex(0)), InitialSha256State());
  EXPECT_EQ(list.StartOf(PieceIndex(2)), blob.states[1]);
}

}  // namespace
}  // namespace kraken::storage
