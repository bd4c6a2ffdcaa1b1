#include "kraken/origin/kraken_sums.h"

#include <zlib.h>

#include <memory>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::origin {
namespace {

using storage::TestBlob;

constexpr int64_t kPiece = 64 << 10;
constexpr int64_t kConfigured = 4 << 20;

class KrakenSumsTest : public ::testing::Test {
 protected:
  KrakenSumsTest() {
    auto store = storage::BlobStore::Open({.root = MakeTestDir() + "/store"}, disk_);
    EXPECT_OK(store);
    store_ = *std::move(store);
    Make(KrakenSums::kMaxRememberedPieces);
  }
  ~KrakenSumsTest() override {
    loop_.RunAndWait([this] { sums_.reset(); });
    disk_.WaitIdle();
  }

  void Make(size_t max_remembered_pieces) {
    loop_.RunAndWait([&] {
      sums_ = std::make_unique<KrakenSums>(&loop_.loop(), store_.get(),
                                           *storage::PieceLengthTable::Create({{0, kConfigured}}),
                                           max_remembered_pieces);
    });
  }

  void Store(const TestBlob& blob) {
    ASSERT_OK_AND_ASSIGN(auto partial,
                         store_->OpenPartial(blob.digest, blob.size(),
                                             {.piece_length = blob.layout.piece_length()}));
    storage::SequentialWriter writer(std::move(partial));
    ASSERT_OK(writer.Append(blob.bytes));
    ASSERT_OK(writer.Finish());
  }

  KrakenSums::Result Get(const Digest& digest) {
    loop_.RunAndWait([&] {
      sums_->Get(digest, [this](const KrakenSums::Result& result) { answers_.Put(result); });
    });
    return answers_.Wait(answered_++);
  }

  static void ExpectSumsOf(const TestBlob& blob, const swarm::KrakenMetainfo& metainfo) {
    ASSERT_EQ(metainfo.piece_sums().size(), static_cast<size_t>(blob.layout.piece_count().value()));
    for (int i = 0; i < blob.layout.piece_count().value(); ++i) {
      const auto piece = blob.Piece(i);
      EXPECT_EQ(metainfo.piece_sums()[static_cast<size_t>(i)],
                static_cast<uint32_t>(::crc32_z(0, piece.data(), piece.size())));
    }
  }

  WorkerPool disk_{1, 100};
  net::LoopThread loop_{"control"};
  std::unique_ptr<storage::BlobStore> store_;
  std::unique_ptr<KrakenSums> sums_;
  rpc::Mailbox<KrakenSums::Result> answers_;
  size_t answered_ = 0;
};

TEST_F(KrakenSumsTest, ReadsABlobOnceAndRemembers) {
  const TestBlob blob(10 * kPiece + 5, kPiece);
  Store(blob);
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK_AND_ASSIGN(const auto metainfo, Get(blob.digest));
    EXPECT_EQ(metainfo->piece_length(), ByteCount(kPiece));
    ExpectSumsOf(blob, *metainfo);
  }
  EXPECT_EQ(sums_->blobs_read(), 1u);
}

TEST_F(KrakenSumsTest, WhoAsksMeanwhileWaitsForTheSameReading) {
  const TestBlob blob(10 * kPiece, kPiece);
  Store(blob);
  loop_.RunAndWait([&] {
    for (int i = 0; i < 5; ++i) {
      sums_->Get(blob.digest, [this](const KrakenSums::Result& result) { answers_.Put(result); });
    }
  });
  for (size_t i = 0; i < 5; ++i) EXPECT_OK(answers_.Wait(i));
  EXPECT_EQ(sums_->blobs_read(), 1u);
}

// Its info hash must be the one that Kraken's own origins find.
TEST_F(KrakenSumsTest, ABlobOfOnePieceHasOneOfTheConfiguredLength) {
  const TestBlob blob(1000, kPiece);
  Store(blob);
  ASSERT_OK_AND_ASSIGN(const auto metainfo, Get(blob.digest));
  EXPECT_EQ(metainfo->piece_length(), ByteCount(kConfigured));
  ExpectSumsOf(blob, *metainfo);
}

TEST_F(KrakenSumsTest, WhatIsRememberedNeedsNoReading) {
  const TestBlob blob(10 * kPiece, kPiece);
  Store(blob);
  ASSERT_OK_AND_ASSIGN(swarm::KrakenSummer summer, sums_->SummerOf(blob.digest, blob.layout));
  summer.Append(blob.bytes);
  ASSERT_OK_AND_ASSIGN(swarm::KrakenMetainfo metainfo, summer.Finish());
  sums_->Remember(std::move(metainfo));
  ASSERT_OK(Get(blob.digest));
  EXPECT_EQ(sums_->blobs_read(), 0u);
}

TEST_F(KrakenSumsTest, RemembersNoMoreThanItMay) {
  Make(/*max_remembered_pieces=*/15);
  const TestBlob first(10 * kPiece, kPiece, 1);
  const TestBlob second(10 * kPiece, kPiece, 2);
  Store(first);
  Store(second);
  ASSERT_OK(Get(first.digest));
  ASSERT_OK(Get(second.digest));
  ASSERT_OK(Get(second.digest));
  EXPECT_EQ(sums_->blobs_read(), 2u);
  ASSERT_OK(Get(first.digest));
  EXPECT_EQ(sums_->blobs_read(), 3u);
}

TEST_F(KrakenSumsTest, WhatIsNotThereIsNotFound) {
  EXPECT_THAT(Get(TestBlob(1000, kPiece).digest), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(KrakenSumsTest, MorePiecesThanVersionOneCanSayAreRefused) {
  const auto layout = *storage::PieceLayout::Create(ByteCount(250'001 * kPiece), ByteCount(kPiece));
  EXPECT_THAT(sums_->SummerOf(Digest(), layout),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       ::testing::HasSubstr("metainfogen.piece_lengths")));
}

}  // namespace
}  // namespace kraken::origin
