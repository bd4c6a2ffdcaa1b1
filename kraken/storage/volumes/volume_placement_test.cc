#include "kraken/storage/volumes/volume_placement.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

constexpr int kBlobs = 20'000;

Digest BlobNumber(int i) { return Sha256Digest(absl::StrCat("blob ", i)); }

TEST(VolumePlacementTest, BlobsAreSharedOutByWeight) {
  const VolumePlacement placement({{"/a", 1}, {"/b", 2}, {"/c", 5}});
  std::vector<int> counts(3);
  for (int i = 0; i < kBlobs; ++i) {
    const std::vector<int> order = placement.OrderFor(BlobNumber(i));
    EXPECT_THAT(order, testing::UnorderedElementsAre(0, 1, 2));
    ++counts[static_cast<size_t>(order[0])];
  }
  // Five standard deviations are below 0.018 of all.
  EXPECT_NEAR(counts[0], kBlobs * 1.0 / 8, kBlobs * 0.018);
  EXPECT_NEAR(counts[1], kBlobs * 2.0 / 8, kBlobs * 0.018);
  EXPECT_NEAR(counts[2], kBlobs * 5.0 / 8, kBlobs * 0.018);
}

TEST(VolumePlacementTest, AVolumeThatGoesMovesOnlyItsOwnBlobs) {
  const VolumePlacement three({{"/a", 1}, {"/b", 2}, {"/c", 5}});
  const VolumePlacement two({{"/a", 1}, {"/b", 2}});
  for (int i = 0; i < kBlobs; ++i) {
    const std::vector<int> before = three.OrderFor(BlobNumber(i));
    const std::vector<int> after = two.OrderFor(BlobNumber(i));
    EXPECT_EQ(after[0], before[0] == 2 ? before[1] : before[0]);
  }
}

TEST(VolumePlacementTest, PlacesAreTheSameForGood) {
  const VolumePlacement placement({{"/a", 1}, {"/b", 1}, {"/c", 1}});
  std::string places;
  for (int i = 0; i < 12; ++i) absl::StrAppend(&places, placement.OrderFor(BlobNumber(i))[0]);
  EXPECT_EQ(places, "210011202110");
}

}  // namespace
}  // namespace kraken::storage
