#include "kraken/cluster/ring.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/digest.h"
#include "kraken/base/test_util.h"

namespace kraken::cluster {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// For this key the order by score is origin3, origin1, origin2 (Kraken's vector for key 0000).
constexpr ShardKey kKey = {0x00, 0x00};
constexpr char kFirst[] = "origin3:15002";
constexpr char kSecond[] = "origin1:15002";
constexpr char kThird[] = "origin2:15002";
const std::vector<std::string> kMembers = {"origin1:15002", "origin2:15002", "origin3:15002"};

TEST(RingTest, AllHealthyGivesTheFirstReplicasByScore) {
  EXPECT_THAT(Ring(kMembers, kMembers, 2).Locations(kKey), ElementsAre(kFirst, kSecond));
}

TEST(RingTest, FewerMembersThanReplicasGivesAll) {
  EXPECT_THAT(Ring(kMembers, kMembers, 5).Locations(kKey), ElementsAre(kFirst, kSecond, kThird));
}

TEST(RingTest, UnhealthyReplicasAreLeftOutButNotReplaced) {
  EXPECT_THAT(Ring(kMembers, {kSecond, kThird}, 2).Locations(kKey), ElementsAre(kSecond));
}

TEST(RingTest, NoHealthyReplicaFallsToTheNextHealthyMember) {
  EXPECT_THAT(Ring(kMembers, {kThird}, 2).Locations(kKey), ElementsAre(kThird));
}

TEST(RingTest, NobodyHealthyGivesTheTopOne) {
  EXPECT_THAT(Ring(kMembers, {}, 2).Locations(kKey), ElementsAre(kFirst));
}

TEST(RingTest, NoMembersGivesNothing) { EXPECT_THAT(Ring({}, {}, 2).Locations(kKey), IsEmpty()); }

TEST(RingTest, HealthyStrangersAreNeverLocations) {
  EXPECT_THAT(Ring({kFirst}, {"stranger:1"}, 2).Locations(kKey), ElementsAre(kFirst));
}

TEST(RingTest, DigestIsLookedUpByItsFirstTwoBytes) {
  ASSERT_OK_AND_ASSIGN(const Digest digest,
                       Digest::Parse(absl::StrCat("sha256:289e", std::string(60, '7'))));
  EXPECT_THAT(Ring(kMembers, kMembers, 1).Locations(digest), ElementsAre("origin2:15002"));
}

TEST(RingTest, KnowsItsMembers) {
  const Ring ring({"b:1", "a:1", "b:1"}, {}, 1);
  EXPECT_THAT(ring.members(), ElementsAre("a:1", "b:1"));
  EXPECT_TRUE(ring.Contains("b:1"));
  EXPECT_FALSE(ring.Contains("c:1"));
}

}  // namespace
}  // namespace kraken::cluster
