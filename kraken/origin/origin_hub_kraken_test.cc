// What an origin tells of its blobs for the sake of Kraken's version 1.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/origin/origin_hub_fixture.h"
#include "kraken/rpc/convert.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/swarm/kraken_summer.h"

namespace kraken::origin {
namespace {

class OriginHubKrakenTest : public OriginHubTest {
 protected:
  OriginHubKrakenTest() { with_sums_ = true; }

  static void ExpectSums(const storage::TestBlob& blob, const rpc::v1::Metainfo& told) {
    swarm::KrakenSummer summer(blob.digest, blob.layout);
    summer.Append(blob.bytes);
    ASSERT_OK_AND_ASSIGN(const swarm::KrakenMetainfo expected, summer.Finish());
    ASSERT_OK_AND_ASSIGN(const swarm::KrakenMetainfo metainfo,
                         rpc::FromProto(told.kraken(), blob.digest, told.size_bytes()));
    EXPECT_EQ(metainfo.ToJson(), expected.ToJson());
  }
};

TEST_F(OriginHubKrakenTest, SumsAreMadeOnTheWayIn) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  ExpectSums(blob_, Watch()->WaitForKraken());
  // Who comes later hears it at once.
  ExpectSums(blob_, Watch()->WaitForKraken());
  EXPECT_EQ(origin_->sums().blobs_read(), 0u);
}

TEST_F(OriginHubKrakenTest, SumsOfWhatIsThereAreMadeWhenSomebodyAsks) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  Watch()->WaitForComplete();
  Start();
  ExpectSums(blob_, Watch()->WaitForKraken());
  EXPECT_EQ(origin_->sums().blobs_read(), 1u);
}

TEST_F(OriginHubKrakenTest, EachOriginSumsItsCopy) {
  backend_.Put(blob_.digest, blob_.bytes);
  StartTwo();
  ExpectSums(blob_, Watch(*other_, rpc::ToBytes(blob_.digest))->WaitForKraken());
  EXPECT_EQ(other_->sums().blobs_read(), 1u);
}

TEST_F(OriginHubKrakenTest, VersionOneWaitsForABlobThatTheBackendHas) {
  backend_.Put(blob_.digest, blob_.bytes);
  Start();
  ASSERT_OK_AND_ASSIGN(const auto not_yet, origin_->GetKraken(blob_.digest));
  EXPECT_EQ(not_yet, nullptr);
  Watch()->WaitForComplete();
  ASSERT_OK_AND_ASSIGN(const auto metainfo, origin_->GetKraken(blob_.digest));
  ASSERT_NE(metainfo, nullptr);
  EXPECT_EQ(metainfo->size(), blob_.size());
  EXPECT_THAT(origin_->GetKraken(storage::TestBlob(10, kPieceLength, 9).digest),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace kraken::origin
