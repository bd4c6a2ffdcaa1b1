#include "kraken/storage/open_blobs.h"

#include <string>

#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

std::shared_ptr<const Blob> MakeBlob(int seed) {
  return std::make_shared<const Blob>(Sha256Digest(std::to_string(seed)), ByteCount(0), UniqueFd(),
                                      "");
}

Digest DigestOf(int seed) { return Sha256Digest(std::to_string(seed)); }

TEST(OpenBlobsTest, KeepsTheMostRecentlyUsedOpen) {
  OpenBlobs open(/*max_idle=*/2, /*max_open=*/10);
  for (int i = 0; i < 3; ++i) open.Insert(MakeBlob(i));
  EXPECT_EQ(open.Find(DigestOf(0)), nullptr);
  EXPECT_NE(open.Find(DigestOf(1)), nullptr);  // now more recent than 2
  open.Insert(MakeBlob(3));
  EXPECT_EQ(open.Find(DigestOf(2)), nullptr);
  EXPECT_NE(open.Find(DigestOf(1)), nullptr);
  EXPECT_NE(open.Find(DigestOf(3)), nullptr);
}

TEST(OpenBlobsTest, FindsWhatIsHeldThoughNotRecent) {
  OpenBlobs open(1, 10);
  const std::shared_ptr<const Blob> held = MakeBlob(0);
  open.Insert(held);
  open.Insert(MakeBlob(1));
  open.Insert(MakeBlob(2));
  EXPECT_EQ(open.Find(DigestOf(0)), held);
}

TEST(OpenBlobsTest, OnlyOutsideHoldersPin) {
  OpenBlobs open(4, 10);
  std::shared_ptr<const Blob> blob = MakeBlob(0);
  open.Insert(blob);
  EXPECT_TRUE(open.IsPinned(DigestOf(0)));
  blob = nullptr;
  EXPECT_FALSE(open.IsPinned(DigestOf(0)));
  blob = open.Find(DigestOf(0));
  EXPECT_TRUE(open.IsPinned(DigestOf(0)));
  EXPECT_FALSE(open.IsPinned(DigestOf(1)));
}

TEST(OpenBlobsTest, RoomIsMadeByForgettingWhatNobodyHolds) {
  OpenBlobs open(2, 3);
  std::vector<std::shared_ptr<const Blob>> held;
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(open.MakeRoom(0));
    held.push_back(MakeBlob(i));
    open.Insert(held.back());
  }
  EXPECT_FALSE(open.MakeRoom(0));
  held.erase(held.begin());
  EXPECT_TRUE(open.MakeRoom(0));
  EXPECT_LT(open.size(), 3u);
  EXPECT_NE(open.Find(DigestOf(1)), nullptr);
}

TEST(OpenBlobsTest, OtherFilesTakeRoomToo) {
  OpenBlobs open(2, 4);
  open.Insert(MakeBlob(0));
  open.Insert(MakeBlob(1));
  EXPECT_TRUE(open.MakeRoom(1));
  EXPECT_EQ(open.size(), 2u);
  EXPECT_TRUE(open.MakeRoom(3));
  EXPECT_EQ(open.size(), 0u);
  EXPECT_FALSE(open.MakeRoom(4));
}

TEST(OpenBlobsTest, NothingIsKeptWithoutIdleFiles) {
  OpenBlobs open(0, 3);
  open.Insert(MakeBlob(0));
  EXPECT_EQ(open.Find(DigestOf(0)), nullptr);
}

TEST(OpenBlobsTest, ForgottenBlobStaysWithItsHolders) {
  OpenBlobs open(2, 3);
  const std::shared_ptr<const Blob> held = MakeBlob(0);
  open.Insert(held);
  open.Forget(DigestOf(0));
  EXPECT_EQ(open.Find(DigestOf(0)), nullptr);
  open.Insert(MakeBlob(0));
  EXPECT_NE(open.Find(DigestOf(0)), held);
}

}  // namespace
}  // namespace kraken::storage
