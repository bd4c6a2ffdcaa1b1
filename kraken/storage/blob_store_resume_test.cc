#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/storage/file_io.h"
#include "kraken/storage/piece_map_file.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

using testing::ElementsAre;

constexpr int64_t kPiece = 64 << 10;

// What a store finds of a partial blob after its process has gone.
class ResumeTest : public StoreFixture {
 protected:
  ResumeTest() { Open(); }

  // Delivers pieces and lets go of the partial.
  void LeaveWith(std::initializer_list<int> pieces) {
    const std::shared_ptr<PartialBlob> partial = Begin(blob_);
    for (const int piece : pieces) Deliver(*partial, blob_, piece);
  }
  std::shared_ptr<PartialBlob> Resume() {
    return *store_->OpenPartial(blob_.digest, blob_.size(),
                                {.piece_length = blob_.layout.piece_length()});
  }
  std::vector<int> Verified(const PartialBlob& partial) {
    std::vector<int> pieces;
    for (int i = 0; i < 5; ++i) {
      if (partial.Has(PieceIndex(i))) pieces.push_back(i);
    }
    return pieces;
  }
  void Damage(int64_t offset) {
    const std::string path = PartialPathOf(blob_.digest, "data");
    const UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    const uint8_t byte = static_cast<uint8_t>(blob_.bytes[static_cast<size_t>(offset)] ^ 1);
    ASSERT_OK(WriteFully(fd.get(), offset, absl::MakeConstSpan(&byte, 1), path));
  }

  const TestBlob blob_{4 * kPiece + 5, kPiece};
};

TEST_F(ResumeTest, WithinABootVerifiedPiecesAndStatesAreKept) {
  LeaveWith({0, 2, 4});
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(ElementsAre(blob_.digest)));
  Reopen();
  EXPECT_EQ(store_->stats().partials, 1u);
  const std::shared_ptr<PartialBlob> partial = Resume();
  EXPECT_THAT(Verified(*partial), ElementsAre(0, 2, 4));
  EXPECT_EQ(partial->verified_prefix().bytes, ByteCount(kPiece));
  for (const int piece : {1, 3}) Deliver(*partial, blob_, piece);
  ASSERT_OK(partial->CommitNow());
  ExpectStored(blob_);
  EXPECT_EQ(store_->stats().partials, 0u);
}

TEST_F(ResumeTest, AKillAtAnyMomentLeavesEveryVerifiedPieceOnRecord) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  for (const int piece : {3, 0, 4}) {
    Deliver(*partial, blob_, piece);
    // What a process finds that starts after a kill here.
    ASSERT_OK_AND_ASSIGN(const std::string bytes,
                         ReadWholeFile(PartialPathOf(blob_.digest, "map"), 10'000));
    ASSERT_OK_AND_ASSIGN(const PieceMapFile map, PieceMapFile::Decode(bytes));
    ASSERT_GT(map.records.size(), static_cast<size_t>(piece));
    EXPECT_TRUE(map.records[static_cast<size_t>(piece)].verified);
    if (piece > 0) {
      EXPECT_TRUE(map.records[static_cast<size_t>(piece) - 1].state_after.has_value());
    }
  }
}

TEST_F(ResumeTest, WithinABootPiecesAreNotReadAgain) {
  LeaveWith({0, 2});
  Damage(2 * kPiece);  // nothing of the kind happens without a power loss
  Reopen();
  EXPECT_THAT(Verified(*Resume()), ElementsAre(0, 2));
}

TEST_F(ResumeTest, AfterAnotherBootPiecesAreCheckedAndLostOnesDropped) {
  LeaveWith({0, 1, 2, 4});
  Damage(kPiece + 17);
  Damage(4 * kPiece);
  Close();
  Reboot();
  Open();
  {
    const std::shared_ptr<PartialBlob> partial = Resume();
    EXPECT_THAT(Verified(*partial), ElementsAre(0, 2));
  }
  // The check is on record for this boot.
  Damage(0);
  EXPECT_THAT(Verified(*Resume()), ElementsAre(0, 2));
}

TEST_F(ResumeTest, AfterAnotherBootAShortenedFileCountsOnlyWhatItHas) {
  LeaveWith({0, 1, 2, 4});
  ASSERT_EQ(::truncate(PartialPathOf(blob_.digest, "data").c_str(), kPiece + 5), 0);
  Close();
  Reboot();
  Open();
  EXPECT_THAT(Verified(*Resume()), ElementsAre(0));
}

TEST_F(ResumeTest, ClaimsOfAReopenedStoreAreKeptOverASecondReboot) {
  LeaveWith({0});
  Close();
  Reboot();
  Open();
  LeaveWith({3});
  Close();
  Reboot();
  Open();
  EXPECT_THAT(Verified(*Resume()), ElementsAre(0, 3));
}

TEST_F(ResumeTest, DamagedOrForeignMapMeansAFreshStart) {
  for (const std::string& content :
       {std::string(), std::string("KHPIEMAP"), std::string(500, 'x')}) {
    LeaveWith({0, 1});
    WriteTestFile(PartialPathOf(blob_.digest, "map"), content);
    EXPECT_THAT(Verified(*Resume()), ElementsAre());
    Resume()->Abandon(absl::CancelledError("next"));
  }
}

TEST_F(ResumeTest, DamagedRecordCostsItsPieceAndItsNeighbour) {
  LeaveWith({0, 1, 2, 3});
  const std::string path = PartialPathOf(blob_.digest, "map");
  ASSERT_OK_AND_ASSIGN(std::string map, ReadWholeFile(path, 10'000));
  map[96 + 40 * 1 + 7] ^= 1;
  WriteTestFile(path, map);
  // Without the state after piece 1 neither it nor piece 2 can be believed.
  EXPECT_THAT(Verified(*Resume()), ElementsAre(0, 3));
}

TEST_F(ResumeTest, OtherSizeOrPieceLengthMeansAFreshStart) {
  LeaveWith({0, 1});
  {
    ASSERT_OK_AND_ASSIGN(const auto partial, store_->OpenPartial(blob_.digest, ByteCount(7), {}));
    EXPECT_EQ(partial->verified_count(), PieceCount(0));
    EXPECT_EQ(partial->layout()->size(), ByteCount(7));
  }
  LeaveWith({0, 1});
  ASSERT_OK_AND_ASSIGN(
      const auto partial,
      store_->OpenPartial(blob_.digest, blob_.size(), {.piece_length = ByteCount(2 * kPiece)}));
  EXPECT_EQ(partial->verified_count(), PieceCount(0));
  EXPECT_EQ(partial->piece_length(), ByteCount(2 * kPiece));
}

TEST_F(ResumeTest, WhoDoesNotKnowTheSizeLearnsItFromTheMap) {
  LeaveWith({0, 4});
  ASSERT_OK_AND_ASSIGN(const auto partial, store_->OpenPartial(blob_.digest, std::nullopt, {}));
  EXPECT_EQ(partial->layout(), blob_.layout);
  EXPECT_THAT(Verified(*partial), ElementsAre(0, 4));
}

TEST_F(ResumeTest, UnknownSizeIsResumedToo) {
  {
    ASSERT_OK_AND_ASSIGN(
        const auto partial,
        store_->OpenPartial(blob_.digest, std::nullopt, {.piece_length = ByteCount(kPiece)}));
    SequentialWriter writer(partial);
    ASSERT_OK(writer.Append(absl::MakeConstSpan(blob_.bytes).first(2 * kPiece + 100)));
  }
  Close();
  Reboot();
  Open();
  ASSERT_OK_AND_ASSIGN(const auto partial, store_->OpenPartial(blob_.digest, std::nullopt, {}));
  EXPECT_FALSE(partial->layout().has_value());
  EXPECT_THAT(Verified(*partial), ElementsAre(0, 1));
  SequentialWriter writer(partial);
  EXPECT_EQ(writer.next_offset(), ByteOffset(2 * kPiece));
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob_.bytes).subspan(2 * kPiece)));
  ASSERT_OK(writer.Finish());
  ExpectStored(blob_);
}

TEST_F(ResumeTest, AbandonedPartialStaysGone) {
  LeaveWith({0});
  Resume()->Abandon(absl::DataLossError("revoked"));
  Reopen();
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(Verified(*Resume()), ElementsAre());
}

TEST_F(ResumeTest, DirectoryWithoutMapIsBegunAnew) {
  ASSERT_EQ(::mkdir((options_.root + "/partial/" + blob_.digest.hex()).c_str(), 0755), 0);
  WriteTestFile(PartialPathOf(blob_.digest, "data"), "abc");
  Store(blob_);
  ExpectStored(blob_);
}

TEST_F(ResumeTest, DeleteRemovesADormantPartial) {
  LeaveWith({0});
  ASSERT_OK(store_->Delete(blob_.digest, /*force=*/false));
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(ElementsAre()));
  EXPECT_EQ(store_->stats().reserved_bytes, 0u);
}

// What is left when a crash lets one half of a removal survive.
TEST_F(ResumeTest, BlobThatLacksAFileIsNotThereAndIsStoredAnew) {
  Close();
  for (const char* missing : {"pieces", "data"}) {
    Open();
    Store(blob_);
    Close();
    ASSERT_EQ(::unlink(PathOf(blob_.digest, missing).c_str()), 0);
    Open();
    EXPECT_NE(::access(PathOf(blob_.digest, "").c_str(), F_OK), 0);
    EXPECT_EQ(store_->stats().blobs, 0u);
    Store(blob_);
    // Before the background count comes by.
    ASSERT_EQ(::unlink(PathOf(blob_.digest, missing).c_str()), 0);
    Close();
    WorkerPool busy(1, 100);
    absl::Notification go;
    ASSERT_OK(busy.Submit([&go] { go.WaitForNotification(); }));
    ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(options_, busy));
    EXPECT_FALSE(store->Contains(blob_.digest));
    EXPECT_THAT(store->Find(blob_.digest), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store->SetKeep(blob_.digest, true), StatusIs(absl::StatusCode::kNotFound));
    go.Notify();
    store->WaitUntilLoaded();
  }
  Open();
  Store(blob_);
  ExpectStored(blob_);
}

TEST_F(ResumeTest, EvictionForgetsWhatSomebodyElseTookAway) {
  Close();
  options_.quota = ByteCount(1 << 20);
  options_.low_watermark = options_.high_watermark = 0.01;
  Open();
  Store(blob_);
  EXPECT_EQ(store_->stats().blobs, 1u);
  const std::string doomed = PathOf(blob_.digest, "");
  ASSERT_EQ(::rename(doomed.c_str(), (options_.root + "/trash/by-hand").c_str()), 0);
  store_->EvictIfNeeded();
  EXPECT_EQ(store_->stats().blobs, 0u);
  EXPECT_EQ(store_->stats().evicted_blobs, 0u);
}

TEST_F(ResumeTest, PartialOfACompleteBlobIsTakenAwayAtTheStart) {
  Store(blob_);
  Close();
  const std::string partial = options_.root + "/partial/" + blob_.digest.hex();
  ASSERT_EQ(::mkdir(partial.c_str(), 0755), 0);
  WriteTestFile(partial + "/data", "abc");
  Open();
  EXPECT_EQ(store_->stats().partials, 0u);
  EXPECT_EQ(store_->stats().blobs, 1u);
  EXPECT_NE(::access(partial.c_str(), F_OK), 0);
}

TEST_F(ResumeTest, KeepOfAPartialSurvivesARestart) {
  {
    const std::shared_ptr<PartialBlob> partial = Begin(blob_);
    ASSERT_OK(partial->SetKeep(true));
  }
  Reopen();
  Store(blob_);
  EXPECT_THAT(store_->IsKept(blob_.digest), IsOkAndHolds(true));
}

}  // namespace
}  // namespace kraken::storage
