#include "kraken/swarm/piece_map.h"

#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::swarm {
namespace {

PieceIndex P(int piece) { return PieceIndex(piece); }

TEST(PieceMapTest, FollowsASetOfNumbersAtEverySizeAroundAWord) {
  SeededBitGen random(1);
  for (int size : {1, 2, 63, 64, 65, 127, 128, 129, 200}) {
    PieceMap map((PieceCount(size)));
    std::set<int> model;
    for (int step = 0; step < 500; ++step) {
      const int piece = static_cast<int>(random.Uniform(static_cast<uint64_t>(size)));
      if (random.Bernoulli(0.6)) {
        EXPECT_EQ(map.Add(P(piece)), model.insert(piece).second);
      } else {
        EXPECT_EQ(map.Remove(P(piece)), model.erase(piece) == 1);
      }
      ASSERT_EQ(map.count().value(), static_cast<int>(model.size()));
      const int from = static_cast<int>(random.Uniform(static_cast<uint64_t>(size) + 1));
      const auto next = model.lower_bound(from);
      ASSERT_EQ(map.FirstAtOrAfter(P(from)).value(), next == model.end() ? size : *next);
      int missing = from;
      while (missing < size && model.count(missing) > 0) ++missing;
      ASSERT_EQ(map.FirstMissingAtOrAfter(P(from)).value(), missing);
    }
  }
}

TEST(PieceMapTest, FullHasEveryPieceAndNoBitPastTheLast) {
  for (int size = 0; size <= 130; ++size) {
    const PieceMap full = PieceMap::Full(PieceCount(size));
    EXPECT_TRUE(full.IsFull());
    EXPECT_EQ(full.count().value(), size);
    EXPECT_EQ(full.FirstMissingAtOrAfter(P(0)).value(), size);
    const auto parsed = PieceMap::FromWireBytes(full.ToWireBytes(), PieceCount(size));
    ASSERT_TRUE(parsed.ok()) << size;
    EXPECT_EQ(*parsed, full);
  }
}

TEST(PieceMapTest, WireBytesAreKrakensBitset) {
  PieceMap map(PieceCount(70));
  map.Add(P(0));
  map.Add(P(9));
  map.Add(P(69));
  const std::string expected(
      "\0\0\0\0\0\0\0\x46"
      "\0\0\0\0\0\0\x02\x01"
      "\0\0\0\0\0\0\0\x20",
      24);
  EXPECT_EQ(map.ToWireBytes(), expected);
  const auto parsed = PieceMap::FromWireBytes(expected, PieceCount(70));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, map);
}

TEST(PieceMapTest, RefusesWireBytesThatAreNotExactlyOfItsSize) {
  const std::string good = PieceMap::Full(PieceCount(70)).ToWireBytes();
  const auto refuses = [](const std::string& bytes, int pieces) {
    return absl::IsInvalidArgument(PieceMap::FromWireBytes(bytes, PieceCount(pieces)).status());
  };
  EXPECT_TRUE(refuses("", 70));
  EXPECT_TRUE(refuses(good.substr(0, 23), 70));
  EXPECT_TRUE(refuses(good + '\0', 70));
  EXPECT_TRUE(refuses(good, 69));
  EXPECT_TRUE(refuses(good, 71));
  std::string past_end = good;
  past_end[23] = '\x7f';  // Bit 70.
  EXPECT_TRUE(refuses(past_end, 70));
  std::string huge = good;
  huge[0] = '\xff';
  EXPECT_TRUE(refuses(huge, 70));
}

TEST(PieceMapTest, IntersectsOnlyWithACommonPiece) {
  PieceMap a(PieceCount(130));
  PieceMap b(PieceCount(130));
  EXPECT_FALSE(a.Intersects(b));
  a.Add(P(129));
  b.Add(P(128));
  EXPECT_FALSE(a.Intersects(b));
  b.Add(P(129));
  EXPECT_TRUE(a.Intersects(b));
}

TEST(PieceMapTest, CopiesAreIndependentAndMovesLeaveNothing) {
  PieceMap map(PieceCount(10));
  map.Add(P(3));
  PieceMap copy = map;
  copy.Add(P(4));
  EXPECT_FALSE(map.Has(P(4)));
  PieceMap moved = std::move(copy);
  EXPECT_EQ(moved.count().value(), 2);
  EXPECT_EQ(copy.size().value(), 0);  // NOLINT(bugprone-use-after-move): that is the test.
  moved = map;
  EXPECT_EQ(moved, map);
  moved.Clear();
  EXPECT_TRUE(moved.IsEmpty());
}

}  // namespace
}  // namespace kraken::swarm
