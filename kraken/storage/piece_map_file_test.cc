#include "kraken/storage/piece_map_file.h"

#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

constexpr int64_t kPiece = 64 << 10;

PieceMapHeader Header(std::optional<int64_t> size) {
  return {.digest = Sha256Digest("blob"),
          .piece_length = kPiece,
          .size = size,
          .boot_id = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
}

Sha256State SomeState(uint32_t seed) {
  Sha256State state;
  state.words.fill(seed);
  return state;
}

TEST(PieceMapFileTest, SurvivesEncoding) {
  for (const std::optional<int64_t> size :
       {std::optional<int64_t>(), std::optional<int64_t>(0), std::optional<int64_t>(3 * kPiece)}) {
    std::string bytes = Header(size).Encode();
    ASSERT_EQ(bytes.size(), 96u);
    PieceMapRecord{.state_after = SomeState(7), .verified = true}.AppendTo(bytes, PieceIndex(0));
    ASSERT_OK_AND_ASSIGN(const PieceMapFile file, PieceMapFile::Decode(bytes));
    EXPECT_EQ(file.header.digest, Header(size).digest);
    EXPECT_EQ(file.header.size, size);
    EXPECT_EQ(file.header.piece_length, kPiece);
    EXPECT_EQ(file.header.boot_id, Header(size).boot_id);
    ASSERT_EQ(file.records.size(), 1u);
    EXPECT_EQ(file.records[0].state_after, SomeState(7));
    EXPECT_TRUE(file.records[0].verified);
  }
}

TEST(PieceMapFileTest, EachDamagedHeaderByteIsFound) {
  const std::string good = Header(3 * kPiece).Encode();
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    EXPECT_THAT(PieceMapFile::Decode(bad), StatusIs(absl::StatusCode::kDataLoss)) << i;
  }
  EXPECT_THAT(PieceMapFile::Decode(good.substr(0, 95)), StatusIs(absl::StatusCode::kDataLoss));
}

TEST(PieceMapFileTest, DamagedZeroedAndMisplacedRecordsSayNothing) {
  std::string record;
  PieceMapRecord{.state_after = SomeState(7), .verified = true}.AppendTo(record, PieceIndex(5));
  ASSERT_EQ(record.size(), 40u);
  EXPECT_TRUE(PieceMapRecord::Decode(record, PieceIndex(5)).verified);
  EXPECT_FALSE(PieceMapRecord::Decode(record, PieceIndex(6)).verified);
  EXPECT_FALSE(PieceMapRecord::Decode(std::string(40, '\0'), PieceIndex(0)).verified);
  for (size_t i = 0; i < record.size(); ++i) {
    std::string bad = record;
    bad[i] = static_cast<char>(bad[i] ^ 2);
    const PieceMapRecord decoded = PieceMapRecord::Decode(bad, PieceIndex(5));
    EXPECT_FALSE(decoded.verified) << i;
    EXPECT_FALSE(decoded.state_after.has_value()) << i;
  }
}

TEST(PieceMapFileTest, RecordsBeyondTheBlobAndTornOnesAreLeftOut) {
  std::string bytes = Header(2 * kPiece).Encode();
  for (int i = 0; i < 4; ++i) {
    PieceMapRecord{.state_after = std::nullopt, .verified = true}.AppendTo(bytes, PieceIndex(i));
  }
  ASSERT_OK_AND_ASSIGN(PieceMapFile file, PieceMapFile::Decode(bytes));
  EXPECT_EQ(file.records.size(), 2u);
  ASSERT_OK_AND_ASSIGN(file, PieceMapFile::Decode(bytes.substr(0, 96 + 40 + 39)));
  EXPECT_EQ(file.records.size(), 1u);
}

}  // namespace
}  // namespace kraken::storage
