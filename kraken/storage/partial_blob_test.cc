#include "kraken/storage/partial_blob.h"

#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/synchronization/notification.h"
#include "kraken/base/random.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;

constexpr int64_t kPiece = 64 << 10;

class PartialBlobTest : public StoreFixture {
 protected:
  PartialBlobTest() { Open(); }
  const TestBlob blob_{4 * kPiece + 5, kPiece};
};

TEST_F(PartialBlobTest, PiecesArriveInAnyOrder) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  for (const int piece : {4, 2, 0, 3}) {
    EXPECT_FALSE(partial->Has(PieceIndex(piece)));
    Deliver(*partial, blob_, piece);
    EXPECT_TRUE(partial->Has(PieceIndex(piece)));
    EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_EQ(partial->verified_count(), PieceCount(4));
  EXPECT_EQ(partial->verified_prefix().bytes, ByteCount(kPiece));
  EXPECT_EQ(partial->verified_prefix().state, blob_.states[0]);
  EXPECT_FALSE(store_->Contains(blob_.digest));
  Deliver(*partial, blob_, 1);
  EXPECT_TRUE(partial->all_verified());
  EXPECT_EQ(partial->verified_prefix().bytes, blob_.size());
  EXPECT_OK(partial->CommitNow());
  ExpectStored(blob_);
}

TEST_F(PartialBlobTest, OneObjectPerDigest) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  ASSERT_OK_AND_ASSIGN(const auto again, store_->OpenPartial(blob_.digest, blob_.size(), {}));
  EXPECT_EQ(again, partial);
  ASSERT_OK_AND_ASSIGN(const auto unsized, store_->OpenPartial(blob_.digest, std::nullopt, {}));
  EXPECT_EQ(unsized, partial);
  EXPECT_EQ(store_->FindPartial(blob_.digest), partial);
  EXPECT_THAT(store_->OpenPartial(blob_.digest, ByteCount(1), {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not 1")));
  EXPECT_THAT(store_->OpenPartial(blob_.digest, blob_.size(), {.piece_length = ByteCount(1 << 20)}),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(PartialBlobTest, CompleteBlobIsNotBegunAgain) {
  Store(blob_);
  EXPECT_THAT(store_->OpenPartial(blob_.digest, blob_.size(), {}),
              StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_EQ(store_->FindPartial(blob_.digest), nullptr);
}

TEST_F(PartialBlobTest, WrongPieceIsRefusedAndMayBeTriedAgain) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  std::vector<uint8_t> bad(blob_.Piece(1).begin(), blob_.Piece(1).end());
  bad[100] ^= 1;
  {
    ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(1)));
    ASSERT_OK(writer->Write(bad));
    EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_FALSE(partial->Has(PieceIndex(1)));
  }
  Deliver(*partial, blob_, 1);
  EXPECT_TRUE(partial->Has(PieceIndex(1)));
}

TEST_F(PartialBlobTest, IncompleteOrOverlongPieceIsNotVerified) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(4)));
  ASSERT_OK(writer->Write(blob_.Piece(4).first(3)));
  EXPECT_THAT(writer->Finish(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(writer->Write(blob_.Piece(4)), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_FALSE(partial->Has(PieceIndex(4)));
}

TEST_F(PartialBlobTest, PieceNeedsItsStates) {
  ASSERT_OK_AND_ASSIGN(const auto partial,
                       store_->OpenPartial(blob_.digest, blob_.size(),
                                           {.piece_length = blob_.layout.piece_length()}));
  EXPECT_THAT(partial->StartPiece(PieceIndex(1)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(partial->MarkVerified(PieceIndex(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  ASSERT_OK(partial->AddState(PieceIndex(0), blob_.states[0]));
  ASSERT_OK(partial->AddState(PieceIndex(1), blob_.states[1]));
  Deliver(*partial, blob_, 1);
  EXPECT_THAT(partial->StartPiece(PieceIndex(1)), StatusIs(absl::StatusCode::kAlreadyExists));
  EXPECT_THAT(partial->StartPiece(PieceIndex(5)), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(partial->LeasePiece(PieceIndex(5)), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(PartialBlobTest, SecondWriterOfAPieceCannotSpoilTheFirst) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  ASSERT_OK_AND_ASSIGN(const auto honest, partial->StartPiece(PieceIndex(0)));
  ASSERT_OK_AND_ASSIGN(const auto liar, partial->StartPiece(PieceIndex(0)));
  ASSERT_OK(honest->Write(blob_.Piece(0)));
  ASSERT_OK(liar->Write(std::vector<uint8_t>(kPiece, 0xEE)));
  ASSERT_OK(honest->Finish());
  EXPECT_THAT(liar->Finish(), StatusIs(absl::StatusCode::kDataLoss));
  std::vector<uint8_t> read(kPiece);
  ASSERT_OK(partial->ReadAt(ByteOffset(0), absl::MakeSpan(read)));
  EXPECT_EQ(absl::MakeConstSpan(read), blob_.Piece(0));
}

TEST_F(PartialBlobTest, SecondWriterThatIsFirstToEndWinsOverASlowLiar) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  const std::vector<uint8_t> lies(kPiece / 2, 0xEE);
  ASSERT_OK_AND_ASSIGN(const auto liar, partial->StartPiece(PieceIndex(0)));
  ASSERT_OK_AND_ASSIGN(const auto honest, partial->StartPiece(PieceIndex(0)));
  ASSERT_OK(liar->Write(lies));
  ASSERT_OK(honest->Write(blob_.Piece(0)));
  ASSERT_OK(honest->Finish());
  ASSERT_TRUE(partial->Has(PieceIndex(0)));
  // What the first one still has to say goes nowhere.
  ASSERT_OK(liar->Write(lies));
  std::vector<uint8_t> read(kPiece);
  ASSERT_OK(partial->ReadAt(ByteOffset(0), absl::MakeSpan(read)));
  EXPECT_EQ(absl::MakeConstSpan(read), blob_.Piece(0));
  EXPECT_THAT(liar->Finish(), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(PartialBlobTest, VerifiedBytesAreNeverOverwritten) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  Deliver(*partial, blob_, 1);
  // Spans pieces 0 to 2.
  ASSERT_OK(partial->WriteAt(ByteOffset(kPiece - 10), std::vector<uint8_t>(kPiece + 20, 0xEE)));
  std::vector<uint8_t> read(kPiece + 20);
  ASSERT_OK(partial->ReadAt(ByteOffset(kPiece - 10), absl::MakeSpan(read)));
  EXPECT_EQ(absl::MakeConstSpan(read).subspan(10, kPiece), blob_.Piece(1));
  EXPECT_EQ(read[9], 0xEE);
  EXPECT_EQ(read[kPiece + 10], 0xEE);
}

TEST_F(PartialBlobTest, WritesOutsideTheBlobAreRefused) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  const std::vector<uint8_t> bytes(2);
  EXPECT_THAT(partial->WriteAt(ByteOffset(blob_.size().value() - 1), bytes),
              StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(partial->WriteAt(ByteOffset(-1), bytes), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(PartialBlobTest, ReaderOfAPartialReadsOnAcrossTheCommitAndADelete) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  for (int i = 0; i < 5; ++i) Deliver(*partial, blob_, i);
  const int fd = partial->ReadFd();
  absl::Notification done;
  partial->Commit([&done](absl::StatusOr<std::shared_ptr<const Blob>> blob) {
    EXPECT_OK(blob);
    done.Notify();
  });
  done.WaitForNotification();
  ASSERT_OK(store_->Delete(blob_.digest, /*force=*/false));
  std::vector<uint8_t> read(blob_.bytes.size());
  EXPECT_EQ(::pread(fd, read.data(), read.size(), 0), static_cast<ssize_t>(read.size()));
  EXPECT_EQ(read, blob_.bytes);
}

TEST_F(PartialBlobTest, EveryCommitGetsTheSameBlob) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  for (int i = 0; i < 5; ++i) Deliver(*partial, blob_, i);
  std::atomic<int> same{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      const auto blob = partial->CommitNow();
      EXPECT_OK(blob);
      if (blob.ok() && *blob == *store_->Find(blob_.digest)) ++same;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(same, 4);
  EXPECT_EQ(store_->stats().committed_blobs, 1u);
}

TEST_F(PartialBlobTest, AbandonedPartialLeavesNothingAndMayBeBegunAnew) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  Deliver(*partial, blob_, 0);
  ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(1)));
  partial->Abandon(absl::DataLossError("revoked"));
  EXPECT_NE(::access(PartialPathOf(blob_.digest, "data").c_str(), F_OK), 0);
  EXPECT_THAT(writer->Write(blob_.Piece(1)),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("revoked")));
  EXPECT_THAT(partial->MarkVerified(PieceIndex(1)), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(store_->FindPartial(blob_.digest), nullptr);
  EXPECT_EQ(store_->stats().reserved_bytes, 0u);
  const std::shared_ptr<PartialBlob> anew = Begin(blob_);
  EXPECT_NE(anew, partial);
  EXPECT_FALSE(anew->Has(PieceIndex(0)));
  partial->Abandon(absl::DataLossError("again"));
  for (int i = 0; i < 5; ++i) Deliver(*anew, blob_, i);
  EXPECT_OK(anew->CommitNow());
  anew->Abandon(absl::DataLossError("too late"));
  ExpectStored(blob_);
}

TEST_F(PartialBlobTest, ContradictingStateIsDataLoss) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  Sha256State wrong = blob_.states[1];
  wrong.words[3] ^= 4;
  EXPECT_THAT(partial->AddState(PieceIndex(1), wrong), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(PartialBlobTest, ListenersHearOfPiecesAndTheEnd) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  std::vector<int> pieces;
  int commits = 0;
  const int64_t id = partial->AddListener([&](const PartialBlobEvent& event) {
    if (event.kind == PartialBlobEvent::Kind::kPieceVerified) pieces.push_back(event.piece.value());
    if (event.kind == PartialBlobEvent::Kind::kCommitted) ++commits;
  });
  int heard_by_other = 0;
  int64_t other = 0;
  other = partial->AddListener([&](const PartialBlobEvent&) {
    ++heard_by_other;
    partial->RemoveListener(other);  // from within
  });
  for (const int piece : {3, 1, 0, 2, 4}) Deliver(*partial, blob_, piece);
  ASSERT_OK(partial->MarkVerified(PieceIndex(3)));
  ASSERT_OK(partial->CommitNow());
  EXPECT_THAT(pieces, testing::ElementsAre(3, 1, 0, 2, 4));
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(heard_by_other, 1);
  partial->RemoveListener(id);
}

TEST_F(PartialBlobTest, AbandonReachesListeners) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  absl::Status heard;
  partial->AddListener([&](const PartialBlobEvent& event) { heard = event.status; });
  partial->Abandon(absl::DataLossError("revoked"));
  EXPECT_THAT(heard, StatusIs(absl::StatusCode::kDataLoss, "revoked"));
}

TEST_F(PartialBlobTest, VerifiedRangesAreReported) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  Deliver(*partial, blob_, 1);
  Deliver(*partial, blob_, 2);
  Deliver(*partial, blob_, 4);
  EXPECT_TRUE(partial->IsVerifiedRange(ByteOffset(kPiece), ByteCount(2 * kPiece)));
  EXPECT_FALSE(partial->IsVerifiedRange(ByteOffset(kPiece - 1), ByteCount(2)));
  EXPECT_FALSE(partial->IsVerifiedRange(ByteOffset(kPiece), ByteCount(2 * kPiece + 1)));
  EXPECT_EQ(partial->VerifiedEnd(ByteOffset(kPiece + 1)), ByteOffset(3 * kPiece));
  EXPECT_EQ(partial->VerifiedEnd(ByteOffset(0)), ByteOffset(0));
  EXPECT_TRUE(partial->IsVerifiedRange(ByteOffset(4 * kPiece), ByteCount(5)));
  EXPECT_FALSE(partial->IsVerifiedRange(ByteOffset(4 * kPiece), ByteCount(6)));
}

TEST_F(PartialBlobTest, SizeMayBecomeKnownLater) {
  ASSERT_OK_AND_ASSIGN(
      const auto partial,
      store_->OpenPartial(blob_.digest, std::nullopt, {.piece_length = ByteCount(kPiece)}));
  EXPECT_FALSE(partial->layout().has_value());
  ASSERT_OK(partial->SetStates(PieceIndex(0), blob_.states));
  for (int i = 0; i < 4; ++i) Deliver(*partial, blob_, i);
  EXPECT_FALSE(partial->all_verified());
  ASSERT_OK_AND_ASSIGN(const auto sized, store_->OpenPartial(blob_.digest, blob_.size(), {}));
  EXPECT_EQ(sized, partial);
  EXPECT_EQ(partial->layout(), blob_.layout);
  EXPECT_THAT(partial->SetSize(ByteCount(3)), StatusIs(absl::StatusCode::kFailedPrecondition));
  Deliver(*partial, blob_, 4);
  ASSERT_OK(partial->CommitNow());
  ExpectStored(blob_);
}

TEST_F(PartialBlobTest, UnknownSizeHasALimit) {
  Close();
  options_.max_unknown_size = ByteCount(3 * kPiece);
  Open();
  ASSERT_OK_AND_ASSIGN(
      const auto partial,
      store_->OpenPartial(blob_.digest, std::nullopt, {.piece_length = ByteCount(kPiece)}));
  ASSERT_OK(partial->WriteAt(ByteOffset(0), absl::MakeConstSpan(blob_.bytes).first(3 * kPiece)));
  EXPECT_THAT(partial->WriteAt(ByteOffset(3 * kPiece), absl::MakeConstSpan(blob_.bytes).first(1)),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(PartialBlobTest, WholeHashCommitsWhatHasNoPieceList) {
  ASSERT_OK_AND_ASSIGN(const auto partial,
                       store_->OpenPartial(blob_.digest, blob_.size(),
                                           {.piece_length = blob_.layout.piece_length()}));
  ASSERT_OK(partial->WriteAt(ByteOffset(0), blob_.bytes));
  ASSERT_OK(partial->HashAndCommitNow());
  ExpectStored(blob_);
  ASSERT_OK_AND_ASSIGN(const auto found, store_->Find(blob_.digest));
  ASSERT_OK_AND_ASSIGN(const auto list, found->piece_list());
  EXPECT_EQ(list->states(), blob_.states);
}

TEST_F(PartialBlobTest, WholeHashThatDiffersIsDataLossAndAbandons) {
  ASSERT_OK_AND_ASSIGN(const auto partial, store_->OpenPartial(blob_.digest, blob_.size(), {}));
  std::vector<uint8_t> bytes = blob_.bytes;
  bytes.back() ^= 1;
  ASSERT_OK(partial->WriteAt(ByteOffset(0), bytes));
  EXPECT_THAT(partial->HashAndCommitNow(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(store_->FindPartial(blob_.digest), nullptr);
  EXPECT_FALSE(store_->Contains(blob_.digest));
}

TEST_F(PartialBlobTest, SignatureIsInThePieceList) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  ASSERT_OK(partial->SetSignature("signed by an origin"));
  for (int i = 0; i < 5; ++i) Deliver(*partial, blob_, i);
  ASSERT_OK_AND_ASSIGN(const auto blob, partial->CommitNow());
  ASSERT_OK_AND_ASSIGN(const auto list, blob->piece_list());
  EXPECT_EQ(list->signature(), "signed by an origin");
}

TEST_F(PartialBlobTest, BlobStoredWholeMeanwhileIsNotHarmedByTheCommit) {
  const TestBlob small(100, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(small);
  ASSERT_OK(partial->SetKeep(true));
  Deliver(*partial, small, 0);
  ASSERT_OK(store_->PutSmall(small.digest, small.bytes));
  ASSERT_OK(partial->CommitNow());
  ExpectStored(small);
  EXPECT_THAT(store_->IsKept(small.digest), IsOkAndHolds(true));
  EXPECT_NE(::access(PartialPathOf(small.digest, "data").c_str(), F_OK), 0);
}

TEST_F(PartialBlobTest, KeepFollowsTheBlobThroughTheCommit) {
  ASSERT_OK_AND_ASSIGN(const auto partial,
                       store_->OpenPartial(blob_.digest, blob_.size(),
                                           {.piece_length = ByteCount(kPiece), .keep = true}));
  ASSERT_OK(partial->SetStates(PieceIndex(0), blob_.states));
  for (int i = 0; i < 5; ++i) Deliver(*partial, blob_, i);
  ASSERT_OK(partial->CommitNow());
  EXPECT_THAT(store_->IsKept(blob_.digest), IsOkAndHolds(true));
  ASSERT_OK(partial->SetKeep(false));
  EXPECT_THAT(store_->IsKept(blob_.digest), IsOkAndHolds(false));
}

TEST_F(PartialBlobTest, PartialMayOutliveTheStore) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob_);
  Deliver(*partial, blob_, 0);
  store_ = nullptr;
  Deliver(*partial, blob_, 1);
  EXPECT_TRUE(partial->Has(PieceIndex(1)));
}

TEST_F(PartialBlobTest, ManyWritersManyReadersOneBlob) {
  const TestBlob blob(40 * kPiece + 123, kPiece, 7);
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  std::atomic<bool> stop{false};
  std::vector<std::thread> readers;
  for (int r = 0; r < 2; ++r) {
    readers.emplace_back([&, r] {
      SeededBitGen random(100 + static_cast<uint64_t>(r));
      std::vector<uint8_t> buffer(1000);
      while (!stop) {
        const auto offset = static_cast<int64_t>(random.Uniform(40 * kPiece - 1000));
        if (!partial->IsVerifiedRange(ByteOffset(offset), ByteCount(1000))) continue;
        EXPECT_OK(partial->ReadAt(ByteOffset(offset), absl::MakeSpan(buffer)));
        EXPECT_TRUE(std::equal(buffer.begin(), buffer.end(), blob.bytes.begin() + offset));
      }
    });
  }
  std::vector<std::thread> writers;
  for (int w = 0; w < 4; ++w) {
    writers.emplace_back([&, w] {
      SeededBitGen random(static_cast<uint64_t>(w));
      while (!partial->all_verified()) {
        const PieceIndex piece(static_cast<int32_t>(random.Uniform(41)));
        auto writer = partial->StartPiece(piece);
        if (!writer.ok()) continue;
        const bool lie = random.Bernoulli(0.3);
        std::vector<uint8_t> bytes(blob.Piece(piece).begin(), blob.Piece(piece).end());
        if (lie) bytes[bytes.size() / 2] ^= 1;
        for (size_t at = 0; at < bytes.size(); at += 10'000) {
          const size_t length = std::min<size_t>(10'000, bytes.size() - at);
          EXPECT_OK((*writer)->Write(absl::MakeConstSpan(bytes).subspan(at, length)));
        }
        const absl::Status finished = (*writer)->Finish();
        EXPECT_EQ(absl::IsDataLoss(finished), lie) << finished;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_OK(partial->CommitNow());
  stop = true;
  for (std::thread& reader : readers) reader.join();
  ExpectStored(blob);
}

}  // namespace
}  // namespace kraken::storage
