#include "kraken/cluster/rendezvous_hash.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::cluster {
namespace {

using ::testing::ElementsAre;

constexpr char kOrigin1[] = "origin1:15002";
constexpr char kOrigin2[] = "origin2:15002";
constexpr char kOrigin3[] = "origin3:15002";
const std::vector<std::string>& Origins() {
  static const auto& origins = *new std::vector<std::string>{kOrigin1, kOrigin2, kOrigin3};
  return origins;
}

struct Vector {
  ShardKey key;
  std::vector<std::pair<std::string, double>> ranked;
};

// Computed with Kraken's own formula; kept to three decimals.
std::vector<Vector> KrakenVectors() {
  return {
      {{0x00, 0x00}, {{kOrigin3, 317.087}, {kOrigin1, 85.811}, {kOrigin2, 33.557}}},
      {{0x28, 0x9e}, {{kOrigin2, 981.147}, {kOrigin3, 166.005}, {kOrigin1, 92.852}}},
      {{0xff, 0xff}, {{kOrigin2, 104.573}, {kOrigin3, 74.096}, {kOrigin1, 62.563}}},
  };
}

TEST(RendezvousHashTest, ScoresAreKrakens) {
  for (const Vector& vector : KrakenVectors()) {
    for (const auto& [label, score] : vector.ranked) {
      EXPECT_NEAR(RendezvousScore(vector.key, label), score, 0.0005) << label;
    }
  }
}

TEST(RendezvousHashTest, OrderIsKrakens) {
  for (const Vector& vector : KrakenVectors()) {
    EXPECT_THAT(
        RankByScore(vector.key, Origins()),
        ElementsAre(vector.ranked[0].first, vector.ranked[1].first, vector.ranked[2].first));
  }
}

TEST(RendezvousHashTest, OrderDoesNotDependOnInputOrder) {
  std::vector<std::string> labels = Origins();
  const std::vector<std::string> expected = RankByScore({0x12, 0x34}, labels);
  while (std::next_permutation(labels.begin(), labels.end())) {
    EXPECT_EQ(RankByScore({0x12, 0x34}, labels), expected);
  }
}

TEST(RendezvousHashTest, RemovingALabelMovesOnlyItsOwnKeys) {
  const std::vector<std::string> without_first = {kOrigin2, kOrigin3};
  for (int key = 0; key < 65536; key += 7) {
    const ShardKey shard = {static_cast<uint8_t>(key >> 8), static_cast<uint8_t>(key)};
    const std::string owner = RankByScore(shard, Origins())[0];
    if (owner == kOrigin1) continue;
    EXPECT_EQ(RankByScore(shard, without_first)[0], owner);
  }
}

TEST(RendezvousHashTest, KeysAreSharedOutEvenly) {
  std::map<std::string, int> owned;
  for (int key = 0; key < 65536; ++key) {
    ++owned[RankByScore({static_cast<uint8_t>(key >> 8), static_cast<uint8_t>(key)}, Origins())[0]];
  }
  for (const auto& [label, count] : owned) EXPECT_NEAR(count, 65536 / 3.0, 65536 * 0.01) << label;
}

TEST(RendezvousHashTest, NoLabelsGiveNoOrder) { EXPECT_TRUE(RankByScore({1, 2}, {}).empty()); }

}  // namespace
}  // namespace kraken::cluster
