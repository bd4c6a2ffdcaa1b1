// From a real folder into a real store.
#include "kraken/daemon/blob_fetcher.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/sha256_state.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/scripted_backend.h"
#include "kraken/net/loop_thread.h"
#include "kraken/registry/cancellation.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr char kNamespace[] = "library/debian";
constexpr int64_t kPieceLength = 64 << 10;
constexpr int kPieces = 16;

// Everything that one fetch tells.
struct Fetch {
  std::vector<Sha256State> states() {
    std::vector<Sha256State> all;
    for (size_t i = 0; i < told.size(); ++i) {
      const std::vector<Sha256State> part = told.Wait(i);
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }
  absl::Status Wait() { return done.Wait(0); }
  uint64_t received() {
    uint64_t sum = 0;
    for (size_t i = 0; i < progress.size(); ++i) sum += progress.Wait(i).first;
    return sum;
  }

  registry::Cancellation cancellation;
  // The states known at the start.
  rpc::Mailbox<std::vector<Sha256State>> begun;
  rpc::Mailbox<std::vector<Sha256State>> told;
  rpc::Mailbox<std::pair<uint64_t, uint64_t>> progress;
  rpc::Mailbox<absl::Status> done;
};

class BlobFetcherTest : public ::testing::Test {
 protected:
  BlobFetcherTest() { Open(); }
  ~BlobFetcherTest() override { Close(); }

  void Open() {
    auto store = storage::BlobStore::Open({.root = root_}, disk_);
    ASSERT_OK(store);
    store_ = *std::move(store);
    fetcher_ = std::make_unique<BlobFetcher>(
        &loop_.loop(), &backend_.router(), store_.get(),
        BlobFetcherOptions{.piece_lengths = *storage::PieceLengthTable::Create({{0, kPieceLength}}),
                           .max_fetches = 2,
                           .tap = nullptr});
  }
  void Close() {
    fetcher_.reset();
    loop_.RunAndWait([] {});  // what was posted
    disk_.WaitIdle();
    store_.reset();
  }

  std::shared_ptr<Fetch> Begin(const Digest& digest, const std::string& ns = kNamespace,
                               bool trust_piece_list = false) {
    auto fetch = std::make_shared<Fetch>();
    FetchEvents events;
    // A partial that is not referred to is closed.
    events.on_begin = [fetch](std::shared_ptr<storage::PartialBlob>,
                              std::vector<Sha256State> states) { fetch->begun.Put(states); };
    events.on_states = [fetch](std::vector<Sha256State> states) { fetch->told.Put(states); };
    events.on_progress = [fetch](uint64_t received, uint64_t bytes_done) {
      fetch->progress.Put({received, bytes_done});
    };
    events.on_done = [fetch](const absl::Status& status) { fetch->done.Put(status); };
    fetcher_->Fetch({.digest = digest,
                     .ns = ns,
                     .piece_length = std::nullopt,
                     .trust_piece_list = trust_piece_list},
                    fetch->cancellation, std::move(events));
    return fetch;
  }
  // As when peers have begun to bring the blob.
  std::shared_ptr<storage::PartialBlob> OpenWithList() {
    auto partial =
        store_->OpenPartial(blob_.digest, blob_.size(), {.piece_length = ByteCount(kPieceLength)});
    EXPECT_OK(partial);
    EXPECT_OK((*partial)->SetStates(PieceIndex(0), blob_.states));
    return *partial;
  }
  void Deliver(storage::PartialBlob& partial, int piece) {
    ASSERT_OK_AND_ASSIGN(const auto writer, partial.StartPiece(PieceIndex(piece)));
    ASSERT_OK(writer->Write(blob_.Piece(piece)));
    ASSERT_OK(writer->Finish());
  }
  void ExpectStored(const storage::TestBlob& blob) {
    ASSERT_OK_AND_ASSIGN(const auto stored, store_->Find(blob.digest));
    ASSERT_EQ(stored->size(), blob.size());
    std::vector<uint8_t> bytes(blob.bytes.size());
    ASSERT_OK(stored->ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
    EXPECT_TRUE(bytes == blob.bytes);
  }
  void ExpectNothingLeft() {
    ASSERT_OK_AND_ASSIGN(const std::vector<Digest> partials, store_->ListPartials());
    EXPECT_THAT(partials, IsEmpty());
    EXPECT_FALSE(store_->Contains(blob_.digest));
    EXPECT_EQ(store_->stats().reserved_bytes, 0u);
  }
  std::vector<Sha256State> FirstStates(int count) {
    return {blob_.states.begin(), blob_.states.begin() + count};
  }

  const storage::TestBlob blob_{kPieces * kPieceLength - 100, kPieceLength};
  const std::string root_ = MakeTestDir() + "/store";
  ScriptedBackend backend_;
  WorkerPool disk_{1, 100};
  net::LoopThread loop_{"control"};
  std::unique_ptr<storage::BlobStore> store_;
  std::unique_ptr<BlobFetcher> fetcher_;
};

TEST_F(BlobFetcherTest, BringsABlobAndTellsItsStates) {
  backend_.Put(blob_.digest, blob_.bytes);
  auto fetch = Begin(blob_.digest);
  EXPECT_OK(fetch->Wait());
  EXPECT_THAT(fetch->begun.Wait(0), IsEmpty());
  EXPECT_EQ(fetch->states(), blob_.states);
  EXPECT_EQ(fetch->received(), blob_.bytes.size());
  EXPECT_EQ(fetch->progress.Wait(fetch->progress.size() - 1).second, blob_.bytes.size());
  ExpectStored(blob_);
}

TEST_F(BlobFetcherTest, TellsStatesWhileTheRestIsStillToCome) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(3 * kPieceLength + 10);
  auto fetch = Begin(blob_.digest);
  std::vector<Sha256State> states;
  for (size_t i = 0; states.size() < 3; ++i) {
    const std::vector<Sha256State> part = fetch->told.Wait(i);
    ASSERT_FALSE(part.empty());
    states.insert(states.end(), part.begin(), part.end());
  }
  EXPECT_EQ(states, FirstStates(3));
  EXPECT_EQ(fetch->done.size(), 0u);
  backend_.Release();
  EXPECT_OK(fetch->Wait());
  EXPECT_EQ(fetch->states(), blob_.states);
}

TEST_F(BlobFetcherTest, GoesOnWhereAnEarlierFetchEndedAfterARestart) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.FailAt(5 * kPieceLength + 10, absl::UnavailableError("registry restarting"));
  EXPECT_THAT(Begin(blob_.digest)->Wait(),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("registry restarting")));
  Close();
  Open();
  EXPECT_FALSE(store_->Contains(blob_.digest));
  backend_.FailAt(0, absl::OkStatus());
  auto fetch = Begin(blob_.digest);
  EXPECT_OK(fetch->Wait());
  EXPECT_EQ(backend_.downloads().Wait(1), 5 * kPieceLength);
  EXPECT_EQ(fetch->begun.Wait(0), FirstStates(5));
  std::vector<Sha256State> all = FirstStates(5);
  for (const Sha256State& state : fetch->states()) all.push_back(state);
  EXPECT_EQ(all, blob_.states);
  ExpectStored(blob_);
}

TEST_F(BlobFetcherTest, FetchesOnlyWhatIsNotVerified) {
  backend_.Put(blob_.digest, blob_.bytes);
  const auto partial = OpenWithList();
  for (const int piece : {0, 3, 4, 9, kPieces - 1}) Deliver(*partial, piece);
  auto fetch = Begin(blob_.digest);
  EXPECT_OK(fetch->Wait());
  std::vector<std::pair<int64_t, int64_t>> asked;
  for (size_t i = 0; i < backend_.downloads().size(); ++i) {
    asked.emplace_back(backend_.downloads().Wait(i), backend_.ends().Wait(i));
  }
  EXPECT_THAT(asked, ElementsAre(Pair(kPieceLength, 3 * kPieceLength),
                                 Pair(5 * kPieceLength, 9 * kPieceLength),
                                 Pair(10 * kPieceLength, (kPieces - 1) * kPieceLength)));
  EXPECT_EQ(fetch->received(), static_cast<uint64_t>((kPieces - 5) * kPieceLength));
  EXPECT_EQ(fetch->begun.Wait(0), FirstStates(1));
  std::vector<Sha256State> all = FirstStates(1);
  for (const Sha256State& state : fetch->states()) all.push_back(state);
  EXPECT_EQ(all, blob_.states);
  ExpectStored(blob_);
}

// Peers go on while a backend is read.
TEST_F(BlobFetcherTest, EndsADownloadWhereOthersHaveBroughtTheNextPiece) {
  backend_.Put(blob_.digest, blob_.bytes);
  const auto partial = OpenWithList();
  backend_.HoldAt(2 * kPieceLength + 10);
  auto fetch = Begin(blob_.digest);
  fetch->told.Wait(0);
  for (const int piece : {3, 4}) Deliver(*partial, piece);
  backend_.Release();
  EXPECT_OK(fetch->Wait());
  EXPECT_EQ(backend_.downloads().Wait(1), 5 * kPieceLength);
  EXPECT_EQ(fetch->received(), static_cast<uint64_t>((kPieces - 2) * kPieceLength - 100));
  EXPECT_EQ(fetch->states(), blob_.states);
  ExpectStored(blob_);
}

TEST_F(BlobFetcherTest, ABackendThatContradictsATrustedListSpoilsNothing) {
  std::vector<uint8_t> wrong = blob_.bytes;
  wrong[kPieceLength + 100] ^= 1;
  backend_.Put(blob_.digest, wrong);
  const auto partial = OpenWithList();
  Deliver(*partial, 5);
  EXPECT_THAT(Begin(blob_.digest, kNamespace, /*trust_piece_list=*/true)->Wait(),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(partial->Has(PieceIndex(0)));
  EXPECT_FALSE(partial->Has(PieceIndex(1)));
  EXPECT_TRUE(partial->Has(PieceIndex(5)));
  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_OK(Begin(blob_.digest, kNamespace, /*trust_piece_list=*/true)->Wait());
  EXPECT_EQ(backend_.downloads().Wait(1), kPieceLength);
  ExpectStored(blob_);
}

TEST_F(BlobFetcherTest, WrongBytesAreDeletedAndFetchedAnew) {
  std::vector<uint8_t> wrong = blob_.bytes;
  wrong[100] ^= 1;
  backend_.Put(blob_.digest, wrong);
  EXPECT_THAT(Begin(blob_.digest)->Wait(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(blob_.digest.ToString())));
  ExpectNothingLeft();
  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_OK(Begin(blob_.digest)->Wait());
  EXPECT_EQ(backend_.downloads().Wait(1), 0);
  ExpectStored(blob_);
}

TEST_F(BlobFetcherTest, ABackendThatContradictsItselfLeavesNothing) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.PretendSize(blob_.size() + ByteCount(1));
  EXPECT_THAT(Begin(blob_.digest)->Wait(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("was said to have")));
  ExpectNothingLeft();
}

TEST_F(BlobFetcherTest, WhatTheBackendLacksLeavesNothing) {
  auto fetch = Begin(blob_.digest);
  EXPECT_THAT(fetch->Wait(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(fetch->begun.size(), 0u);
  ExpectNothingLeft();
}

TEST_F(BlobFetcherTest, ANamespaceNeedsABackend) {
  EXPECT_THAT(Begin(blob_.digest, "unrouted/debian")->Wait(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("unrouted/debian")));
  EXPECT_THAT(Begin(blob_.digest, "//")->Wait(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(BlobFetcherTest, ACancelledFetchEndsInTheMiddleAndCanBeResumed) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(3 * kPieceLength);
  auto fetch = Begin(blob_.digest);
  fetch->told.Wait(0);
  fetch->cancellation.Cancel();
  EXPECT_THAT(fetch->Wait(), StatusIs(absl::StatusCode::kCancelled));
  backend_.Release();
  EXPECT_OK(Begin(blob_.digest)->Wait());
  EXPECT_EQ(backend_.downloads().Wait(1), 3 * kPieceLength);
}

TEST_F(BlobFetcherTest, ShutdownEndsAFetchWhoseBackendIsSilent) {
  backend_.Put(blob_.digest, blob_.bytes);
  backend_.HoldAt(3 * kPieceLength);
  auto fetch = Begin(blob_.digest);
  fetch->told.Wait(0);
  fetcher_->Shutdown();
  EXPECT_THAT(fetch->Wait(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(Begin(blob_.digest)->Wait(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(BlobFetcherTest, WhatIsCompleteIsNotFetchedAgain) {
  backend_.Put(blob_.digest, blob_.bytes);
  EXPECT_OK(Begin(blob_.digest)->Wait());
  EXPECT_OK(Begin(blob_.digest)->Wait());
  EXPECT_EQ(backend_.downloads().size(), 1u);
}

TEST_F(BlobFetcherTest, AnEmptyBlobIsABlob) {
  const storage::TestBlob empty(0, kPieceLength);
  backend_.Put(empty.digest, empty.bytes);
  EXPECT_OK(Begin(empty.digest)->Wait());
  ExpectStored(empty);
}

TEST_F(BlobFetcherTest, AtMostSoManyAtATime) {
  backend_.HoldAt(0);
  std::vector<std::shared_ptr<Fetch>> fetches;
  std::vector<std::unique_ptr<storage::TestBlob>> blobs;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    blobs.push_back(std::make_unique<storage::TestBlob>(kPieceLength, kPieceLength, seed));
    backend_.Put(blobs.back()->digest, blobs.back()->bytes);
    fetches.push_back(Begin(blobs.back()->digest));
  }
  backend_.downloads().Wait(1);
  EXPECT_EQ(backend_.downloads().size(), 2u);
  backend_.Release();
  for (auto& fetch : fetches) EXPECT_OK(fetch->Wait());
  EXPECT_EQ(backend_.downloads().size(), 3u);
}

TEST_F(BlobFetcherTest, StatAsksTheBackend) {
  backend_.Put(blob_.digest, blob_.bytes);
  rpc::Mailbox<absl::StatusOr<ByteCount>> sizes;
  const auto stat = [&](const Digest& digest) {
    fetcher_->Stat(digest, kNamespace,
                   [&](absl::StatusOr<ByteCount> size) { sizes.Put(std::move(size)); });
  };
  stat(blob_.digest);
  EXPECT_THAT(sizes.Wait(0), IsOkAndHolds(blob_.size()));
  stat(Digest());
  EXPECT_THAT(sizes.Wait(1), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace kraken::daemon
