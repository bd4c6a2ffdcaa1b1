#include "kraken/storage/blob_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "kraken/base/sha256.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kPiece = 64 << 10;

class BlobStoreTest : public StoreFixture {};

TEST_F(BlobStoreTest, SmallBlobIsStoredFoundAndThereAfterARestart) {
  Open();
  const std::string text = R"({"schemaVersion": 2})";
  const Digest digest = Sha256Digest(text);
  EXPECT_THAT(store_->Find(digest), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(store_->Contains(digest));
  ASSERT_OK(store_->PutSmall(digest, ToBytes(text)));
  ASSERT_OK(store_->PutSmall(digest, ToBytes(text)));
  EXPECT_THAT(store_->GetSmall(digest), IsOkAndHolds(text));
  Reopen();
  EXPECT_TRUE(store_->Contains(digest));
  EXPECT_THAT(store_->GetSmall(digest), IsOkAndHolds(text));
  EXPECT_EQ(store_->stats().blobs, 1u);
}

TEST_F(BlobStoreTest, EmptyBlobIsABlob) {
  Open();
  const Digest digest = Sha256Digest("");
  ASSERT_OK(store_->PutSmall(digest, {}));
  EXPECT_THAT(store_->GetSmall(digest), IsOkAndHolds(""));
  const TestBlob blob(0, kPiece);
  ASSERT_OK(store_->Delete(digest, /*force=*/false));
  Store(blob);
  ExpectStored(blob);
}

TEST_F(BlobStoreTest, SmallBlobWithAnotherDigestIsRefused) {
  Open();
  EXPECT_THAT(store_->PutSmall(Sha256Digest("x"), ToBytes("y")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_FALSE(store_->Contains(Sha256Digest("x")));
}

TEST_F(BlobStoreTest, CommittedBlobIsThereWithItsPieceListAfterARestart) {
  Open();
  const TestBlob blob(5 * kPiece + 17, kPiece);
  Store(blob);
  ExpectStored(blob);
  Reopen();
  ExpectStored(blob);
  ASSERT_OK_AND_ASSIGN(const auto found, store_->Find(blob.digest));
  ASSERT_OK_AND_ASSIGN(const auto list, found->piece_list());
  EXPECT_EQ(list->states(), blob.states);
  EXPECT_EQ(list->layout(), blob.layout);
  EXPECT_NE(::access(PathOf(blob.digest, "map").c_str(), F_OK), 0);
}

TEST_F(BlobStoreTest, ReadsBeyondTheEndAreOutOfRange) {
  Open();
  const TestBlob blob(100, kPiece);
  Store(blob);
  ASSERT_OK_AND_ASSIGN(const auto found, store_->Find(blob.digest));
  std::vector<uint8_t> buffer(10);
  EXPECT_OK(found->ReadAt(ByteOffset(90), absl::MakeSpan(buffer)));
  for (const int64_t offset : {int64_t{91}, int64_t{100}, int64_t{-1}, int64_t{1} << 62}) {
    EXPECT_THAT(found->ReadAt(ByteOffset(offset), absl::MakeSpan(buffer)),
                StatusIs(absl::StatusCode::kOutOfRange));
  }
}

TEST_F(BlobStoreTest, DamagedPieceListIsDataLoss) {
  Open();
  const TestBlob blob(2 * kPiece, kPiece);
  Store(blob);
  WriteTestFile(PathOf(blob.digest, "pieces"), "KHPIECES, but no more than that");
  ASSERT_OK_AND_ASSIGN(const auto found, store_->Find(blob.digest));
  EXPECT_THAT(found->piece_list(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(PathOf(blob.digest, "pieces"))));
}

TEST_F(BlobStoreTest, DeletedBlobIsGoneButReadersKeepTheirBytes) {
  Open();
  const TestBlob blob(2 * kPiece, kPiece);
  Store(blob);
  ASSERT_OK_AND_ASSIGN(const auto held, store_->Find(blob.digest));
  ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
  EXPECT_THAT(store_->Find(blob.digest), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(store_->Delete(blob.digest, /*force=*/false), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(ReadAll(*held), blob.bytes);
  EXPECT_EQ(store_->stats().blobs, 0u);
  EXPECT_EQ(store_->stats().bytes, 0u);
  Store(blob);
  ExpectStored(blob);
}

TEST_F(BlobStoreTest, KeptBlobIsDeletedByForceOnly) {
  Open();
  const TestBlob blob(10, kPiece);
  EXPECT_THAT(store_->SetKeep(blob.digest, true), StatusIs(absl::StatusCode::kNotFound));
  Store(blob);
  EXPECT_THAT(store_->IsKept(blob.digest), IsOkAndHolds(false));
  ASSERT_OK(store_->SetKeep(blob.digest, true));
  Reopen();
  EXPECT_THAT(store_->IsKept(blob.digest), IsOkAndHolds(true));
  EXPECT_THAT(store_->Delete(blob.digest, /*force=*/false),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(store_->Delete(blob.digest, /*force=*/true));
  EXPECT_FALSE(store_->Contains(blob.digest));
}

TEST_F(BlobStoreTest, ListGoesThroughAllDigestsInOrderPageByPage) {
  Open();
  std::vector<Digest> expected;
  for (int i = 0; i < 50; ++i) {
    const std::string text = absl::StrCat("blob ", i);
    expected.push_back(Sha256Digest(text));
    ASSERT_OK(store_->PutSmall(expected.back(), ToBytes(text)));
  }
  std::sort(expected.begin(), expected.end());
  for (const int page : {1, 7, 50, 1000}) {
    std::vector<Digest> listed;
    std::optional<Digest> after;
    while (true) {
      ASSERT_OK_AND_ASSIGN(const std::vector<Digest> some, store_->List(after, page));
      if (some.empty()) break;
      ASSERT_LE(some.size(), static_cast<size_t>(page));
      listed.insert(listed.end(), some.begin(), some.end());
      after = listed.back();
    }
    EXPECT_EQ(listed, expected) << page;
  }
}

TEST_F(BlobStoreTest, StrayFilesAreNoBlobs) {
  Open();
  ASSERT_EQ(::mkdir((options_.root + "/blobs/zz").c_str(), 0755), 0);
  ASSERT_EQ(::mkdir((options_.root + "/blobs/zz/lost+found").c_str(), 0755), 0);
  WriteTestFile(options_.root + "/partial/README", "?");
  EXPECT_THAT(store_->List(std::nullopt, 10), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(IsEmpty()));
  Reopen();
  EXPECT_EQ(store_->stats().blobs, 0u);
}

TEST_F(BlobStoreTest, RemainsInTheWayOfACommitAreReplaced) {
  Open();
  const TestBlob blob(10, kPiece);
  Store(blob);
  ASSERT_EQ(::unlink(PathOf(blob.digest, "data").c_str()), 0);
  Reopen();
  EXPECT_THAT(store_->Find(blob.digest), StatusIs(absl::StatusCode::kNotFound));
  Store(blob);
  ExpectStored(blob);
}

TEST_F(BlobStoreTest, UnwritableOrMissingDirectoriesAreNamed) {
  options_.root = "/proc/no/store";
  EXPECT_THAT(BlobStore::Open(options_, pool_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("/proc/no/store")));
  options_.root = MakeTestDir() + "/file";
  WriteTestFile(options_.root, "");
  EXPECT_THAT(BlobStore::Open(options_, pool_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a directory")));
}

TEST_F(BlobStoreTest, ImpossibleOptionsAreRefused) {
  options_.low_watermark = 0.95;
  EXPECT_THAT(BlobStore::Open(options_, pool_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("watermarks")));
}

TEST_F(BlobStoreTest, OneProcessAtATime) {
  Open();
  EXPECT_THAT(BlobStore::Open(options_, pool_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("in use")));
  Reopen();
}

TEST_F(BlobStoreTest, OpenFilesAreBounded) {
  options_.max_idle_files = 2;
  options_.max_open_files = 4;
  Open();
  std::vector<Digest> digests;
  for (int i = 0; i < 8; ++i) {
    const std::string text = absl::StrCat("blob ", i);
    digests.push_back(Sha256Digest(text));
    ASSERT_OK(store_->PutSmall(digests.back(), ToBytes(text)));
  }
  EXPECT_LE(store_->stats().open_files, 4u);
  std::vector<std::shared_ptr<const Blob>> held;
  for (int i = 0; i < 4; ++i) {
    ASSERT_OK_AND_ASSIGN(auto blob, store_->Find(digests[static_cast<size_t>(i)]));
    held.push_back(std::move(blob));
  }
  EXPECT_THAT(store_->Find(digests[5]), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(store_->OpenPartial(Sha256Digest("new"), ByteCount(1), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK(store_->Find(digests[0]));
  held.clear();
  ASSERT_OK(store_->Find(digests[5]));
}

TEST_F(BlobStoreTest, LeftoversInTheTrashAreRemoved) {
  Open();
  Close();
  ASSERT_EQ(::mkdir((options_.root + "/trash/17.0").c_str(), 0755), 0);
  WriteTestFile(options_.root + "/trash/17.0/data", "half");
  Open();
  EXPECT_NE(::access((options_.root + "/trash/17.0").c_str(), F_OK), 0);
}

TEST_F(BlobStoreTest, IsReadyBeforeItsBlobsAreCounted) {
  Open();
  const TestBlob blob(2 * kPiece, kPiece);
  const TestBlob other(10, kPiece, 2);
  Store(blob);
  Close();
  absl::Notification counting_may_begin;
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(pool_.Submit([&] { counting_may_begin.WaitForNotification(); }));
  }
  ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(options_, pool_));
  EXPECT_FALSE(store_->stats().loaded);
  ExpectStored(blob);
  Store(other);
  ExpectStored(other);
  ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
  counting_may_begin.Notify();
  store_->WaitUntilLoaded();
  EXPECT_TRUE(store_->stats().loaded);
  EXPECT_EQ(store_->stats().blobs, 1u);
}

TEST_F(BlobStoreTest, ManyThreadsStoreFindAndDeleteTheSameBlobs) {
  options_.max_idle_files = 3;
  Open();
  constexpr int kThreads = 6;
  constexpr int kRounds = 60;
  std::vector<std::string> texts;
  for (int i = 0; i < 5; ++i) texts.push_back(absl::StrCat("content of blob ", i));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const std::string& text = texts[static_cast<size_t>((i + t) % 5)];
        const Digest digest = Sha256Digest(text);
        switch ((i * 7 + t) % 4) {
          case 0:
            EXPECT_OK(store_->PutSmall(digest, ToBytes(text)));
            break;
          case 1: {
            const absl::Status deleted = store_->Delete(digest, /*force=*/false);
            EXPECT_TRUE(deleted.ok() || absl::IsNotFound(deleted)) << deleted;
            break;
          }
          default: {
            const absl::StatusOr<std::string> found = store_->GetSmall(digest);
            if (found.ok()) {
              EXPECT_EQ(*found, text);
            } else {
              EXPECT_TRUE(absl::IsNotFound(found.status())) << found.status();
            }
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> left, store_->List(std::nullopt, 100));
  EXPECT_EQ(store_->stats().blobs, left.size());
  for (const Digest& digest : left) EXPECT_OK(store_->GetSmall(digest));
}

}  // namespace
}  // namespace kraken::storage
