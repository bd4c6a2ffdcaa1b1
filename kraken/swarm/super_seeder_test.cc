#include "kraken/swarm/super_seeder.h"

#include <set>

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::swarm {
namespace {

constexpr PieceCount kPieces{20};
constexpr LinkId kLink(0, 1);

PieceIndex P(int piece) { return PieceIndex(piece); }

class SuperSeederTest : public testing::Test {
 protected:
  SeededBitGen random_{1};
  PiecePicker picker_{PieceMap::Full(kPieces), PieceMap::Full(kPieces), &random_};
  SuperSeeder seeder_{PieceMap::Full(kPieces), &random_};
};

TEST_F(SuperSeederTest, NamesEachPieceOnceBeforeAnyTwice) {
  std::set<int> named;
  for (int i = 0; i < kPieces.value(); ++i) {
    EXPECT_TRUE(named.insert(seeder_.TakeFresh(picker_)->value()).second);
  }
  EXPECT_FALSE(seeder_.TakeFresh(picker_).has_value());
}

TEST_F(SuperSeederTest, DoesNotNameWhatAPeerHasFromAnotherOrigin) {
  picker_.AddPeerPiece(P(7));
  for (int i = 0; i < kPieces.value() - 1; ++i) EXPECT_NE(*seeder_.TakeFresh(picker_), P(7));
  EXPECT_FALSE(seeder_.TakeFresh(picker_).has_value());
}

TEST_F(SuperSeederTest, WhatWasNotAskedForIsFreshAgain) {
  while (seeder_.TakeFresh(picker_).has_value()) {
  }
  seeder_.AddReveal(kLink, P(3), Instant::FromNanos(10));
  seeder_.AddReveal(kLink, P(4), Instant::FromNanos(20));
  const auto expired = seeder_.ExpireReveals(Instant::FromNanos(15));
  ASSERT_EQ(expired.size(), 1u);
  EXPECT_EQ(expired[0].piece, P(3));
  EXPECT_EQ(*seeder_.TakeFresh(picker_), P(3));
  EXPECT_FALSE(seeder_.RemoveReveal(kLink, P(3)));
  seeder_.DropLink(kLink);
  EXPECT_EQ(*seeder_.TakeFresh(picker_), P(4));
  EXPECT_EQ(seeder_.reveal_count(), 0u);
}

TEST_F(SuperSeederTest, WhatVanishedFromTheSwarmIsFreshAgain) {
  while (seeder_.TakeFresh(picker_).has_value()) {
  }
  PieceMap peer = PieceMap::Full(kPieces);
  picker_.AddPeerPieces(peer);
  const auto is_busy = [](PieceIndex piece) { return piece == P(1); };
  seeder_.Refresh(picker_, is_busy);
  EXPECT_EQ(seeder_.fresh_count(), 0u);
  picker_.RemovePeerPieces(peer);
  peer.Remove(P(5));
  picker_.AddPeerPieces(peer);
  seeder_.Refresh(picker_, is_busy);
  seeder_.Refresh(picker_, is_busy);
  EXPECT_EQ(*seeder_.TakeFresh(picker_), P(5));
  EXPECT_EQ(seeder_.fresh_count(), 0u);
  picker_.RemovePeerPieces(peer);
  seeder_.Refresh(picker_, is_busy);
  EXPECT_EQ(seeder_.fresh_count(), static_cast<size_t>(kPieces.value() - 1));
}

}  // namespace
}  // namespace kraken::swarm
