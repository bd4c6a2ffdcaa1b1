// What the engine fetches from other zones.
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/swarm/fake_environment.h"
#include "kraken/swarm/scheduler.h"

namespace kraken::swarm {
namespace {

constexpr uint16_t kHere = 7;
constexpr uint16_t kElsewhere = 8;
constexpr int kPieces = 40;

std::vector<int> AllPieces() {
  std::vector<int> pieces;
  for (int piece = 0; piece < kPieces; ++piece) pieces.push_back(piece);
  return pieces;
}

class SchedulerZonesTest : public testing::Test {
 protected:
  // Every piece that is asked for comes, until nothing more is asked for. Returns those of `link`.
  std::vector<int> Fetch(LinkId link) {
    std::vector<int> fetched;
    while (!fake_.RequestsOf(link).empty()) {
      fetched.push_back(fake_.RequestsOf(link)[0]);
      fake_.Deliver(link, fetched.back());
    }
    return fetched;
  }

  FakeEnvironment fake_{SwarmConfig(), /*origin=*/false, kHere};
};

TEST_F(SchedulerZonesTest, WhatAPeerOfTheZoneHasIsNotFetchedFromAfar) {
  fake_.Add(kPieces);
  const LinkId near = fake_.Connect(1, {0, 1, 2, 3}, /*origin=*/false, kHere);
  const LinkId far = fake_.Connect(2, {0, 1, 2, 3}, /*origin=*/false, kElsewhere);
  EXPECT_FALSE(fake_.RequestsOf(near).empty());
  EXPECT_TRUE(Fetch(far).empty());
  fake_.engine().CheckInvariants();
}

TEST_F(SchedulerZonesTest, PeersOfAZoneShareWhatTheyFetchFromAfar) {
  fake_.Add(kPieces);
  for (int peer = 1; peer <= 3; ++peer) fake_.Connect(peer, {}, /*origin=*/false, kHere);
  const LinkId far = fake_.Connect(9, AllPieces(), /*origin=*/false, kElsewhere);
  EXPECT_EQ(fake_.RequestsOf(far).size(), 1u) << "a quarter of four requests";
  const size_t ours = Fetch(far).size();
  EXPECT_GE(ours, 4u) << "a quarter of 40 pieces, roughly";
  EXPECT_LE(ours, 20u);
  fake_.engine().CheckInvariants();
}

TEST_F(SchedulerZonesTest, AnOriginOfTheZoneHasEverythingInTheEnd) {
  fake_.Add(kPieces);
  const LinkId origin = fake_.Connect(1, {}, /*origin=*/true, kHere);
  const LinkId far = fake_.Connect(2, AllPieces(), /*origin=*/false, kElsewhere);
  EXPECT_TRUE(fake_.RequestsOf(far).empty());
  fake_.Have(origin, {5});
  EXPECT_EQ(fake_.RequestsOf(origin), std::vector<int>{5});
}

TEST_F(SchedulerZonesTest, WhatAFarOriginNamesToUsIsFetched) {
  fake_.Add(kPieces);
  for (int peer = 1; peer <= 15; ++peer) fake_.Connect(peer, {}, /*origin=*/false, kHere);
  const LinkId origin = fake_.Connect(20, {}, /*origin=*/true, kElsewhere);
  for (int piece = 0; piece < 10; ++piece) {
    fake_.Have(origin, {piece});
    EXPECT_EQ(fake_.RequestsOf(origin), std::vector<int>{piece});
    Fetch(origin);
  }
}

TEST_F(SchedulerZonesTest, WhoGetsNothingFetchesWhateverThereIs) {
  const TorrentId id = fake_.Add(kPieces);
  // It has a piece, and does not send it.
  const LinkId near = fake_.Connect(1, {3}, /*origin=*/false, kHere);
  const LinkId far = fake_.Connect(2, {3}, /*origin=*/false, kElsewhere);
  EXPECT_EQ(fake_.RequestsOf(near), std::vector<int>{3});
  fake_.Reject(near, 3);
  EXPECT_TRUE(fake_.RequestsOf(far).empty());
  fake_.Advance(kNanosPerSecond);
  EXPECT_EQ(fake_.RequestsOf(far), std::vector<int>{3});
  Fetch(far);
  EXPECT_EQ(fake_.engine().Have(id).count().value(), 1);
  fake_.engine().CheckInvariants();
}

TEST_F(SchedulerZonesTest, AReaderDoesNotMakeEveryPeerFetchTheSamePiece) {
  const TorrentId id = fake_.Add(kPieces);
  for (int peer = 1; peer <= 15; ++peer) fake_.Connect(peer, {}, /*origin=*/false, kHere);
  const LinkId far = fake_.Connect(20, {0, 1, 2, 3}, /*origin=*/false, kElsewhere);
  ASSERT_TRUE(fake_.engine().AddReader(id, ByteOffset(0)).ok());
  EXPECT_LE(Fetch(far).size(), 2u);
  fake_.Advance(kNanosPerSecond);
  EXPECT_FALSE(Fetch(far).empty()) << "when the others bring nothing";
}

TEST(SchedulerWithoutZoneTest, EverybodyIsNear) {
  FakeEnvironment fake{SwarmConfig()};
  fake.Add(kPieces);
  fake.Connect(1, {0}, /*origin=*/false, kHere);
  const LinkId other = fake.Connect(2, {0, 1}, /*origin=*/false, kElsewhere);
  EXPECT_FALSE(fake.RequestsOf(other).empty());
  fake.engine().CheckInvariants();
}

}  // namespace
}  // namespace kraken::swarm
