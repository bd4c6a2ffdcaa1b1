#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <thread>

#include "absl/time/time.h"
#include "kraken/base/random.h"
#include "kraken/storage/crash/scratch_tree.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int64_t kPiece = 64 << 10;
// Data, piece list and directory.
constexpr int64_t kCharge = kPiece + 2 * 4096;

// A store with room for ten blobs of one piece; it evicts above nine, down to five.
class EvictionTest : public StoreFixture {
 protected:
  EvictionTest() {
    options_.quota = ByteCount(10 * kCharge);
    options_.high_watermark = 0.9;
    options_.low_watermark = 0.5;
    for (int i = 0; i < 12; ++i) {
      blobs_.emplace_back(kPiece, kPiece, 100 + static_cast<uint64_t>(i));
    }
  }

  void Put(int index) {
    clock_.Advance(absl::Seconds(1));
    Store(blobs_[static_cast<size_t>(index)]);
  }
  bool Has(int index) { return store_->Contains(blobs_[static_cast<size_t>(index)].digest); }
  const Digest& DigestOf(int index) { return blobs_[static_cast<size_t>(index)].digest; }
  void PutNine() {
    for (int i = 0; i < 9; ++i) Put(i);
    ASSERT_EQ(store_->stats().evicted_blobs, 0u);
  }

  std::vector<TestBlob> blobs_;
};

TEST_F(EvictionTest, OldestGoFirstDownToTheLowWatermark) {
  Open();
  PutNine();
  Put(9);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Has(i)) << i;
  for (int i = 5; i < 10; ++i) EXPECT_TRUE(Has(i)) << i;
  EXPECT_EQ(store_->stats().evicted_blobs, 5u);
  EXPECT_EQ(store_->stats().bytes, static_cast<uint64_t>(5 * kCharge));
}

TEST_F(EvictionTest, AccessMakesYoung) {
  Open();
  PutNine();
  clock_.Advance(absl::Seconds(1));
  ASSERT_OK(store_->Find(DigestOf(0)));
  store_->Touch(DigestOf(2));
  Put(9);
  EXPECT_TRUE(Has(0));
  EXPECT_TRUE(Has(2));
  for (const int gone : {1, 3, 4, 5, 6}) EXPECT_FALSE(Has(gone)) << gone;
}

TEST_F(EvictionTest, WhatIsDemotedGoesFirstAlsoAfterARestart) {
  for (const bool restart : {false, true}) {
    Reopen();
    PutNine();
    for (const int young : {6, 7, 8}) store_->Demote(DigestOf(young));
    clock_.Advance(absl::Minutes(10));
    // But who is read again is young again.
    ASSERT_OK(store_->Find(DigestOf(7)));
    pool_.WaitIdle();
    if (restart) Reopen();
    const uint64_t before = store_->stats().evicted_blobs;
    Put(9);
    EXPECT_EQ(store_->stats().evicted_blobs - before, 5u);
    for (const int gone : {0, 1, 2, 6, 8}) EXPECT_FALSE(Has(gone)) << gone << " " << restart;
    for (const int stays : {3, 4, 5, 7, 9}) EXPECT_TRUE(Has(stays)) << stays << " " << restart;
    for (int i = 0; i < 10; ++i) store_->Delete(DigestOf(i), /*force=*/true).IgnoreError();
  }
  store_->Demote(DigestOf(0));  // not there
}

TEST_F(EvictionTest, WhatIsReadOrKeptStays) {
  Open();
  PutNine();
  ASSERT_OK_AND_ASSIGN(const auto held, store_->Find(DigestOf(0)));
  ASSERT_OK(store_->SetKeep(DigestOf(1), true));
  clock_.Advance(absl::Seconds(1));
  for (int i = 2; i < 9; ++i) store_->Touch(DigestOf(i));
  Put(9);
  EXPECT_TRUE(Has(0));
  EXPECT_TRUE(Has(1));
}

TEST_F(EvictionTest, KeepAndAgeSurviveARestart) {
  Open();
  PutNine();
  ASSERT_OK(store_->SetKeep(DigestOf(0), true));
  clock_.Advance(absl::Minutes(10));
  ASSERT_OK(store_->Find(DigestOf(1)));
  pool_.WaitIdle();  // the access is on record
  Reopen();
  EXPECT_EQ(store_->stats().bytes, static_cast<uint64_t>(9 * kCharge));
  Put(9);
  EXPECT_TRUE(Has(0));
  EXPECT_TRUE(Has(1));
  EXPECT_FALSE(Has(2));
}

TEST_F(EvictionTest, TooLittleRoomNamesNeedAndHave) {
  Open();
  PutNine();
  for (int i = 0; i < 9; ++i) ASSERT_OK(store_->SetKeep(DigestOf(i), true));
  const TestBlob large(4 * kPiece, kPiece);
  EXPECT_THAT(store_->OpenPartial(large.digest, large.size(), {}),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr("needs 270336"), HasSubstr("which has 73728"))));
  EXPECT_EQ(store_->stats().partials, 0u);
  EXPECT_EQ(store_->stats().reserved_bytes, 0u);
  // The high watermark is a wish: one more fits.
  Put(9);
  EXPECT_TRUE(Has(9));
}

TEST_F(EvictionTest, BlobThatCanNotFitEvictsNothing) {
  Open();
  PutNine();
  const TestBlob large(20 * kPiece, kPiece);
  EXPECT_THAT(store_->OpenPartial(large.digest, large.size(), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  ASSERT_OK_AND_ASSIGN(const auto held, store_->Find(DigestOf(0)));
  const TestBlob just_too_large(10 * kPiece + 1, kPiece, 2);
  EXPECT_THAT(store_->OpenPartial(just_too_large.digest, just_too_large.size(), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(store_->stats().evicted_blobs, 0u);
}

TEST_F(EvictionTest, SpaceIsReservedBeforeTheFirstByte) {
  Open();
  const TestBlob large(8 * kPiece, kPiece);
  const std::shared_ptr<PartialBlob> partial = Begin(large);
  EXPECT_GE(store_->stats().reserved_bytes, static_cast<uint64_t>(8 * kPiece));
  const TestBlob other(4 * kPiece, kPiece, 2);
  EXPECT_THAT(store_->OpenPartial(other.digest, other.size(), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  partial->Abandon(absl::CancelledError("not needed"));
  EXPECT_OK(store_->OpenPartial(other.digest, other.size(), {}));
}

TEST_F(EvictionTest, DormantPartialIsEvictedAndAnOpenOneIsNot) {
  Open();
  { const std::shared_ptr<PartialBlob> dormant = Begin(blobs_[10]); }
  const std::shared_ptr<PartialBlob> open = Begin(blobs_[11]);
  for (int i = 0; i < 8; ++i) Put(i);
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> partials, store_->ListPartials());
  EXPECT_THAT(partials, testing::ElementsAre(blobs_[11].digest));
  Deliver(*open, blobs_[11], 0);
  EXPECT_OK(open->CommitNow());
}

TEST_F(EvictionTest, QuotaLoweredBetweenRunsIsKeptAfterTheStart) {
  Open();
  PutNine();
  Close();
  options_.quota = ByteCount(4 * kCharge);
  Open();
  EXPECT_LE(store_->stats().bytes, static_cast<uint64_t>(2 * kCharge));
  EXPECT_TRUE(Has(8));
  EXPECT_FALSE(Has(0));
}

TEST_F(EvictionTest, GrowthOfUnknownSizeIsReservedToo) {
  Open();
  const TestBlob large(20 * kPiece, kPiece);
  ASSERT_OK_AND_ASSIGN(
      const auto partial,
      store_->OpenPartial(large.digest, std::nullopt, {.piece_length = ByteCount(kPiece)}));
  absl::Status status;
  int64_t written = 0;
  while (status.ok() && written < large.size().value()) {
    status = partial->WriteAt(ByteOffset(written), large.Piece(static_cast<int>(written / kPiece)));
    written += kPiece;
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_LE(store_->stats().reserved_bytes, static_cast<uint64_t>(10 * kCharge));
}

TEST_F(EvictionTest, VolumeWithoutFreeSpaceRefuses) {
  options_.quota = ByteCount(0);
  options_.min_free = ByteCount(int64_t{1} << 60);
  Open();
  EXPECT_THAT(store_->OpenPartial(blobs_[0].digest, blobs_[0].size(), {}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(store_->PutSmall(blobs_[0].digest, blobs_[0].bytes),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST_F(EvictionTest, ConcurrentStoresStayWithinTheQuota) {
  Open();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = t; i < 60; i += 4) {
        const TestBlob blob(kPiece, kPiece, 1000 + static_cast<uint64_t>(i));
        clock_.Advance(absl::Seconds(1));
        Store(blob);
        EXPECT_LE(store_->stats().bytes + store_->stats().reserved_bytes,
                  static_cast<uint64_t>(10 * kCharge));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(store_->stats().evicted_blobs, 40u);
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> left, store_->List(std::nullopt, 100));
  EXPECT_EQ(store_->stats().blobs, left.size());
}

// Threads that read, keep, write and store blobs in a store that evicts all the time.
class BusyEvictionTest : public EvictionTest {
 protected:
  static constexpr int kRounds = 150;

  BusyEvictionTest() {
    options_.root = scratch_.path() + "/store";
    options_.max_idle_files = 3;
    for (int i = 0; i < 24; ++i) {
      blobs_.emplace_back(kPiece, kPiece, 2000 + static_cast<uint64_t>(i));
    }
    Open();
  }
  ~BusyEvictionTest() override { Close(); }

  const TestBlob& Any(BitGen& random) const { return blobs_[random.Uniform(blobs_.size())]; }
  bool IsOnDisk(const TestBlob& blob, std::string_view file) const {
    return ::access(PathOf(blob.digest, file).c_str(), F_OK) == 0;
  }

  void StoreOne(BitGen& random) {
    const TestBlob& blob = Any(random);
    clock_.Advance(absl::Seconds(1));
    const auto partial = store_->OpenPartial(blob.digest, blob.size(), {});
    if (!partial.ok()) {
      // There already, or what is read and kept leaves no room.
      EXPECT_THAT(partial, testing::AnyOf(StatusIs(absl::StatusCode::kAlreadyExists),
                                          StatusIs(absl::StatusCode::kResourceExhausted)));
      return;
    }
    // Another thread may be at the same partial.
    const absl::Status written = (*partial)->WriteAt(ByteOffset(0), blob.bytes);
    EXPECT_OK(written);
    EXPECT_OK((*partial)->MarkVerified(PieceIndex(0)));
    EXPECT_TRUE(store_->ContainsPartial(blob.digest) || store_->Contains(blob.digest));
    EXPECT_OK((*partial)->CommitNow());
  }
  void ReadOne(BitGen& random) {
    const TestBlob& blob = Any(random);
    const auto held = store_->Find(blob.digest);
    if (!held.ok()) {
      EXPECT_THAT(held, StatusIs(absl::StatusCode::kNotFound));
      return;
    }
    EXPECT_EQ(ReadAll(**held), blob.bytes);
    std::this_thread::yield();
    EXPECT_TRUE(IsOnDisk(blob, "data"));
    EXPECT_OK((*held)->piece_list());
    EXPECT_TRUE(IsOnDisk(blob, "pieces"));
  }
  // Each thread keeps blobs of its own, so that none lets go of another's.
  void KeepOne(BitGen& random, size_t own) {
    const TestBlob& blob = blobs_[own];
    if (!store_->SetKeep(blob.digest, true).ok()) return;
    for (int i = 0; i < 5; ++i) {
      EXPECT_THAT(store_->GetSmall(blob.digest), IsOkAndHolds(ToString(blob.bytes)));
      ReadOne(random);
    }
    EXPECT_OK(store_->SetKeep(blob.digest, false));
  }

  const ScratchTree scratch_;
};

TEST_F(BusyEvictionTest, WhatIsReadKeptOrWrittenIsNeverEvicted) {
  std::vector<std::thread> threads;
  for (uint64_t seed = 0; seed < 6; ++seed) {
    threads.emplace_back([this, seed] {
      SeededBitGen random(seed);
      for (int i = 0; i < kRounds; ++i) {
        if (seed < 2) StoreOne(random);
        if (seed == 2 || seed == 3) ReadOne(random);
        if (seed > 3) KeepOne(random, seed);
        EXPECT_LE(store_->stats().bytes + store_->stats().reserved_bytes,
                  static_cast<uint64_t>(10 * kCharge));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(store_->stats().evicted_blobs, 20u);
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> left, store_->List(std::nullopt, 100));
  EXPECT_EQ(store_->stats().blobs, left.size());
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(testing::IsEmpty()));
}

}  // namespace
}  // namespace kraken::storage
