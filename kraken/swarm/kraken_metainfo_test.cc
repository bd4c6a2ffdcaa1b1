#include "kraken/swarm/kraken_metainfo.h"

#include "absl/status/status.h"
#include "kraken/base/test_util.h"

namespace kraken::swarm {
namespace {

// One of Kraken's production, with the hash that Kraken gave it.
constexpr char kName[] = "289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5";
constexpr int64_t kPieceLength = 4 << 20;

Digest VectorDigest() { return *Digest::Parse(std::string("sha256:") + kName); }

TEST(KrakenMetainfoTest, GivesKrakensBytesAndInfoHash) {
  ASSERT_OK_AND_ASSIGN(const KrakenMetainfo metainfo,
                       KrakenMetainfo::Create(VectorDigest(), ByteCount(236),
                                              ByteCount(kPieceLength), {2131691452}));
  EXPECT_EQ(metainfo.ToBencode(), std::string("d6:Lengthi236e4:Name64:") + kName +
                                      "11:PieceLengthi4194304e9:PieceSumsli2131691452eee");
  EXPECT_EQ(metainfo.info_hash().hex(), "85b978c4377625b3963df406d0dd3a1da5a7d9c3");
  EXPECT_EQ(metainfo.ToJson(),
            std::string("{\"Info\":{\"PieceLength\":4194304,\"PieceSums\":[2131691452],"
                        "\"Name\":\"") +
                kName + "\",\"Length\":236}}");
}

TEST(KrakenMetainfoTest, AnEmptyBlobHasNoPieces) {
  ASSERT_OK_AND_ASSIGN(
      const KrakenMetainfo metainfo,
      KrakenMetainfo::Create(VectorDigest(), ByteCount(0), ByteCount(kPieceLength), {}));
  EXPECT_EQ(metainfo.ToJson(),
            std::string("{\"Info\":{\"PieceLength\":4194304,\"PieceSums\":null,\"Name\":\"") +
                kName + "\",\"Length\":0}}");
  EXPECT_EQ(metainfo.ToBencode(),
            std::string("d6:Lengthi0e4:Name64:") + kName + "11:PieceLengthi4194304e9:PieceSumslee");
}

TEST(KrakenMetainfoTest, SumsBeyondInt32AreUnsigned) {
  ASSERT_OK_AND_ASSIGN(const KrakenMetainfo metainfo,
                       KrakenMetainfo::Create(VectorDigest(), ByteCount(kPieceLength + 1),
                                              ByteCount(kPieceLength), {0xffffffff, 0}));
  EXPECT_THAT(metainfo.ToJson(), testing::HasSubstr("[4294967295,0]"));
  EXPECT_THAT(metainfo.ToBencode(), testing::HasSubstr("li4294967295ei0ee"));
}

TEST(KrakenMetainfoTest, EachPieceHasASumAndALengthOfOurs) {
  const auto create = [](int64_t size, int64_t piece_length, std::vector<uint32_t> sums) {
    return KrakenMetainfo::Create(VectorDigest(), ByteCount(size), ByteCount(piece_length), sums)
        .status();
  };
  EXPECT_THAT(create(kPieceLength + 1, kPieceLength, {1}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(create(kPieceLength, kPieceLength, {1, 2}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(create(0, kPieceLength, {0}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(create(100, 3'000'000, {1}), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken::swarm
