#include "kraken/storage/blob_index.h"

#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Digest kA = Sha256Digest("a");
const Digest kB = Sha256Digest("b");
const Digest kC = Sha256Digest("c");
const Digest kD = Sha256Digest("d");

BlobIndex::Entry Aged(int64_t age, BlobKind kind = BlobKind::kComplete, bool keep = false) {
  return {.kind = kind,
          .keep = keep,
          .charged_bytes = 100,
          .last_access_ns = age,
          .recorded_access_ns = age};
}

bool Nobody(const Digest&) { return false; }

TEST(BlobIndexTest, CountsByKind) {
  BlobIndex index;
  index.Put(kA, Aged(1));
  index.Put(kB, Aged(2, BlobKind::kOpenPartial));
  index.Put(kB, Aged(2, BlobKind::kDormantPartial));
  EXPECT_EQ(index.complete_bytes(), 100);
  EXPECT_EQ(index.partial_bytes(), 100);
  index.SetCharge(kB, 250);
  EXPECT_EQ(index.partial_bytes(), 250);
  index.SetKind(kB, BlobKind::kComplete);
  EXPECT_EQ(index.complete_bytes(), 350);
  EXPECT_EQ(index.complete_count(), 2);
  EXPECT_EQ(index.partial_count(), 0);
  index.Remove(kA);
  index.Remove(kA);
  EXPECT_EQ(index.complete_bytes(), 250);
}

TEST(BlobIndexTest, VictimsAreTheOldestAndNoMoreThanNeeded) {
  BlobIndex index;
  index.Put(kA, Aged(3));
  index.Put(kB, Aged(1));
  index.Put(kC, Aged(2, BlobKind::kDormantPartial));
  EXPECT_THAT(index.Victims(0, Nobody), IsEmpty());
  EXPECT_THAT(index.Victims(1, Nobody), ElementsAre(kB));
  EXPECT_THAT(index.Victims(101, Nobody), ElementsAre(kB, kC));
  EXPECT_THAT(index.Victims(1000, Nobody), ElementsAre(kB, kC, kA));
}

TEST(BlobIndexTest, OpenKeptAndPinnedAreNoVictims) {
  BlobIndex index;
  index.Put(kA, Aged(1, BlobKind::kOpenPartial));
  index.Put(kB, Aged(2, BlobKind::kComplete, /*keep=*/true));
  index.Put(kC, Aged(3));
  index.Put(kD, Aged(4));
  EXPECT_THAT(index.Victims(1000, [](const Digest& digest) { return digest == kC; }),
              ElementsAre(kD));
}

TEST(BlobIndexTest, ChargeCountsWholeBlocksListAndDirectory) {
  EXPECT_EQ(ChargeOf(0, 1), 8192);
  EXPECT_EQ(ChargeOf(1, 1), 3 * 4096);
  EXPECT_EQ(ChargeOf(4096, 1), 3 * 4096);
  EXPECT_EQ(ChargeOf(4097, 1000), (2 + 8 + 1) * 4096);
}

}  // namespace
}  // namespace kraken::storage
