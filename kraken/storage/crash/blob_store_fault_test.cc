// Lets each file-system operation fail in turn: an error is a Status, and the store stays right.

#include <atomic>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

constexpr int64_t kPiece = 64 << 10;
constexpr int kMaxOperations = 1000;

class FaultTest : public StoreFixture {
 protected:
  FaultTest() {
    options_.file_system = &files_;
    Open();
  }

  absl::Status Hook(std::string_view operation, const std::string& path) {
    if (!armed_) return absl::OkStatus();
    if (!target_.empty() && !absl::StrContains(absl::StrCat(operation, " ", path), target_)) {
      return absl::OkStatus();
    }
    if (operations_.fetch_add(1) != failing_) return absl::OkStatus();
    hit_ = true;
    return absl::Status(code_, absl::StrCat(operation, " ", path, ": injected"));
  }
  // The operation number `failing` of those that contain `target` will fail.
  void Arm(int failing, absl::StatusCode code, std::string target = "") {
    failing_ = failing;
    code_ = code;
    target_ = std::move(target);
    operations_ = 0;
    hit_ = false;
    armed_ = true;
  }
  void Disarm() { armed_ = false; }

  absl::Status TryStore(const TestBlob& blob) {
    auto partial =
        store_->OpenPartial(blob.digest, blob.size(), {.piece_length = blob.layout.piece_length()});
    if (!partial.ok()) return partial.status();
    absl::Status status = (*partial)->SetStates(PieceIndex(0), blob.states);
    for (int i = 0; status.ok() && i < blob.layout.piece_count().value(); ++i) {
      auto writer = (*partial)->StartPiece(PieceIndex(i));
      if (absl::IsAlreadyExists(writer.status())) continue;
      if (!writer.ok()) return writer.status();
      status = (*writer)->Write(blob.Piece(i));
      if (status.ok()) status = (*writer)->Finish();
    }
    return status.ok() ? (*partial)->CommitNow().status() : status;
  }

  std::atomic<bool> armed_{false};
  std::atomic<int> operations_{0};
  std::atomic<bool> hit_{false};
  int failing_ = 0;
  absl::StatusCode code_ = absl::StatusCode::kOk;
  std::string target_;
  FaultFileSystem files_{[this](std::string_view operation, const std::string& path) {
    return Hook(operation, path);
  }};
};

TEST_F(FaultTest, AnyFailingOperationLeavesTheStoreRightAndTheNextTrySucceeds) {
  for (const absl::StatusCode code :
       {absl::StatusCode::kResourceExhausted, absl::StatusCode::kDataLoss}) {
    bool hit = true;
    int failing = 0;
    for (; hit && failing < kMaxOperations; ++failing) {
      SCOPED_TRACE(absl::StrCat("operation ", failing, " fails"));
      const TestBlob blob(3 * kPiece + 1, kPiece, 50 + static_cast<uint64_t>(failing));
      Arm(failing, code);
      const absl::Status status = TryStore(blob);
      Disarm();
      hit = hit_;
      if (store_->Contains(blob.digest)) {
        ExpectStored(blob);
      } else {
        EXPECT_FALSE(status.ok());
        EXPECT_OK(TryStore(blob));
        ExpectStored(blob);
      }
      EXPECT_EQ(store_->stats().partials, 0u);
      if (HasFailure()) return;
      ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
    }
    EXPECT_FALSE(hit);
    EXPECT_GT(failing, 15);
    EXPECT_EQ(store_->stats().bytes, 0u);
  }
}

TEST_F(FaultTest, AnyFailingOperationOfASmallBlobIsReportedAndTheNextTrySucceeds) {
  bool hit = true;
  for (int failing = 0; hit && failing < kMaxOperations; ++failing) {
    SCOPED_TRACE(absl::StrCat("operation ", failing, " fails"));
    const TestBlob blob(100, kPiece, 500 + static_cast<uint64_t>(failing));
    Arm(failing, absl::StatusCode::kResourceExhausted);
    const absl::Status status = store_->PutSmall(blob.digest, blob.bytes);
    Disarm();
    hit = hit_;
    if (!status.ok()) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
      ASSERT_OK(store_->PutSmall(blob.digest, blob.bytes));
    }
    ExpectStored(blob);
    ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
    EXPECT_EQ(store_->stats().bytes + store_->stats().reserved_bytes, 0u);
    if (HasFailure()) return;
  }
}

TEST_F(FaultTest, AfterAFailedSyncNothingOfThePartialIsBelieved) {
  const TestBlob blob(3 * kPiece, kPiece);
  {
    const std::shared_ptr<PartialBlob> partial = Begin(blob);
    for (int i = 0; i < 3; ++i) Deliver(*partial, blob, i);
    Arm(0, absl::StatusCode::kDataLoss, "sync " + PartialPathOf(blob.digest, "data"));
    EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kDataLoss));
    Disarm();
    EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kCancelled));
  }
  ASSERT_OK_AND_ASSIGN(const auto anew, store_->OpenPartial(blob.digest, blob.size(), {}));
  EXPECT_EQ(anew->verified_count(), PieceCount(0));
}

TEST_F(FaultTest, FullDiskWhileThePieceListIsWrittenLeavesThePartialResumable) {
  const TestBlob blob(3 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  for (int i = 0; i < 3; ++i) Deliver(*partial, blob, i);
  Arm(0, absl::StatusCode::kResourceExhausted, "pieces");
  EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kResourceExhausted));
  Disarm();
  EXPECT_TRUE(partial->all_verified());
  ASSERT_OK(partial->CommitNow());
  ExpectStored(blob);
}

TEST_F(FaultTest, MapThatCannotBeWrittenCostsOnlyMemoryOfPieces) {
  const TestBlob blob(3 * kPiece, kPiece);
  {
    const std::shared_ptr<PartialBlob> partial = Begin(blob);
    const std::string record = "write " + PartialPathOf(blob.digest, "map");
    Arm(0, absl::StatusCode::kResourceExhausted, record);
    Deliver(*partial, blob, 0);
    EXPECT_TRUE(hit_);
    EXPECT_TRUE(partial->Has(PieceIndex(0)));
    Arm(0, absl::StatusCode::kResourceExhausted, record);
    EXPECT_THAT(partial->Flush(), StatusIs(absl::StatusCode::kResourceExhausted));
    Disarm();
    EXPECT_OK(partial->Flush());
  }
  ASSERT_OK_AND_ASSIGN(const auto again, store_->OpenPartial(blob.digest, blob.size(), {}));
  EXPECT_TRUE(again->Has(PieceIndex(0)));
}

TEST_F(FaultTest, FailedEvictionIsNotCounted) {
  const TestBlob blob(3 * kPiece, kPiece);
  Store(blob);
  Close();
  options_.quota = ByteCount(1 << 20);
  options_.low_watermark = options_.high_watermark = 0.25;
  Open();
  const TestBlob other(kPiece, kPiece, 2);
  // The first rename looks for remains of a partial blob.
  Arm(1, absl::StatusCode::kPermissionDenied, "rename");
  ASSERT_OK_AND_ASSIGN(const auto partial, store_->OpenPartial(other.digest, other.size(), {}));
  Disarm();
  EXPECT_TRUE(hit_);
  EXPECT_EQ(store_->stats().evicted_blobs, 0u);
  EXPECT_EQ(store_->stats().blobs, 1u);
  ExpectStored(blob);
}

// What is held is never evicted: who comes while the directory is being taken away gets nothing.
class EvictionRaceTest : public StoreFixture {
 protected:
  EvictionRaceTest() {
    options_.file_system = &files_;
    options_.quota = ByteCount(1 << 20);
    options_.low_watermark = options_.high_watermark = 0.01;
    Open();
  }
  ~EvictionRaceTest() override { Close(); }

  const TestBlob blob_{3 * kPiece, kPiece};
  bool evicting_ = false;
  int looks_ = 0;
  absl::Status Look(std::string_view operation) {
    if (!evicting_ || operation != "rename") return absl::OkStatus();
    ++looks_;
    evicting_ = false;
    EXPECT_THAT(store_->Find(blob_.digest), StatusIs(absl::StatusCode::kNotFound));
    evicting_ = true;
    return absl::OkStatus();
  }
  FaultFileSystem files_{
      [this](std::string_view operation, const std::string&) { return Look(operation); },
      [this](std::string_view operation, const std::string&) { return Look(operation); }};
};

TEST_F(EvictionRaceTest, NobodyIsGivenABlobThatIsBeingEvicted) {
  Store(blob_);
  evicting_ = true;
  store_->EvictIfNeeded();
  evicting_ = false;
  EXPECT_EQ(looks_, 2);
  EXPECT_EQ(store_->stats().evicted_blobs, 1u);
  EXPECT_EQ(store_->stats().open_files, 0u);
}

}  // namespace
}  // namespace kraken::storage
