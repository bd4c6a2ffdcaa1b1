#include "kraken/swarm/kraken_summer.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::swarm {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kPiece = 64 << 10;

storage::PieceLayout LayoutOf(int64_t size) {
  return *storage::PieceLayout::Create(ByteCount(size), ByteCount(kPiece));
}

TEST(KrakenSummerTest, SumsEachPiece) {
  // "123456789" is CRC-32's own check value, cbf43926; of zeros as others compute it.
  std::string bytes(kPiece, '\0');
  bytes += "123456789";
  KrakenSummer summer(*Digest::FromHex(std::string(64, 'a')), LayoutOf(kPiece + 9));
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  summer.Append(absl::MakeConstSpan(data, bytes.size()));
  ASSERT_OK_AND_ASSIGN(const KrakenMetainfo metainfo, summer.Finish());
  EXPECT_THAT(metainfo.piece_sums(), ElementsAre(0xd7978eebu, 0xcbf43926u));
  EXPECT_EQ(metainfo.piece_length(), ByteCount(kPiece));
}

TEST(KrakenSummerTest, DoesNotCareHowTheBytesCome) {
  const storage::TestBlob blob(3 * kPiece, kPiece);
  std::vector<std::string> all;
  for (const size_t step : {size_t{1}, size_t{1000}, size_t{kPiece}, blob.bytes.size()}) {
    KrakenSummer summer(blob.digest, blob.layout);
    const auto bytes = absl::MakeConstSpan(blob.bytes);
    for (size_t at = 0; at < bytes.size(); at += step) summer.Append(bytes.subspan(at, step));
    ASSERT_OK_AND_ASSIGN(const KrakenMetainfo metainfo, summer.Finish());
    EXPECT_EQ(metainfo.piece_sums().size(), 3u);
    all.push_back(metainfo.ToJson());
  }
  for (const std::string& json : all) EXPECT_EQ(json, all.front());
}

TEST(KrakenSummerTest, AnEmptyBlobHasNoPiece) {
  const KrakenSummer summer(*Digest::FromHex(std::string(64, 'a')), LayoutOf(0));
  ASSERT_OK_AND_ASSIGN(const KrakenMetainfo metainfo, summer.Finish());
  EXPECT_THAT(metainfo.piece_sums(), IsEmpty());
}

TEST(KrakenSummerTest, MissingBytesAreNoBlob) {
  KrakenSummer summer(*Digest::FromHex(std::string(64, 'a')), LayoutOf(kPiece));
  summer.Append(std::vector<uint8_t>(kPiece - 1));
  EXPECT_THAT(summer.Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace kraken::swarm
