#include "kraken/agent/downloads.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/test_util.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/status.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using peer_wire::TestNode;
using peer_wire::WaitFor;
using storage::TestBlob;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Also the most that travels inline.
constexpr int64_t kPiece = 64 << 10;

class DownloadsTest : public ::testing::Test {
 protected:
  using Answers = rpc::Mailbox<absl::Status>;

  void StartAgent(DownloadConfig config = {}) {
    agent_ = std::make_unique<TestAgent>(
        TestAgentOptions{.tracker = tracker_.address(), .downloads = config});
  }
  // The answers outlive the agent.
  std::shared_ptr<Answers> Want(const Digest& digest, int times = 1) {
    auto answers = std::make_shared<Answers>();
    agent_->Run([&] {
      for (int i = 0; i < times; ++i) {
        agent_->downloads().Want(*Namespace::Parse("library/debian"), digest,
                                 [answers](absl::Status status) { answers->Put(status); });
      }
    });
    return answers;
  }
  std::shared_ptr<Answers> Remove(const Digest& digest) {
    auto answers = std::make_shared<Answers>();
    agent_->Run([&] {
      agent_->downloads().Remove(digest, absl::CancelledError("removed"),
                                 [answers](absl::Status status) { answers->Put(status); });
    });
    return answers;
  }
  void ExpectStored(const TestBlob& blob) {
    ASSERT_OK_AND_ASSIGN(const auto stored, agent_->store().Find(blob.digest));
    std::vector<uint8_t> bytes(static_cast<size_t>(stored->size().value()));
    ASSERT_OK(stored->ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
    EXPECT_TRUE(bytes == blob.bytes);
  }

  ScriptedTracker tracker_;
  peer_wire::TestTracker swarm_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(DownloadsTest, FetchesABlobFromThePeersThatTheTrackerNames) {
  StartAgent();
  const TestBlob blob(10 * kPiece + 7, kPiece);
  TestNode origin(&swarm_, {.origin = true});
  origin.Store(blob);
  tracker_.Offer(blob, {origin.self()});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ASSERT_TRUE(WaitFor([&] { return agent_->Stats().active == 0; }));
  ExpectStored(blob);
  EXPECT_EQ(tracker_.asked_namespace(blob.digest), "library/debian");
  const DownloadStats stats = agent_->Stats();
  EXPECT_EQ(stats.started, 1u);
  EXPECT_EQ(stats.completed, 1u);
  EXPECT_EQ(stats.failed, 0u);
}

TEST_F(DownloadsTest, ManyWhoWaitShareOneDownload) {
  StartAgent();
  const TestBlob blob(1000, kPiece);
  const auto answers = Want(blob.digest, 5);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  const auto later = Want(blob.digest, 2);
  EXPECT_EQ(answers->size() + later->size(), 0u);
  EXPECT_EQ(agent_->Stats().active, 1u);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  for (size_t i = 0; i < 5; ++i) EXPECT_OK(answers->Wait(i));
  for (size_t i = 0; i < 2; ++i) EXPECT_OK(later->Wait(i));
  EXPECT_EQ(agent_->Stats().started, 1u);
  EXPECT_EQ(tracker_.asked(blob.digest), 1);
}

// The swarm has it, so it can be read, though nothing has come yet.
TEST_F(DownloadsTest, WhoComesWhileTheSwarmFetchesIsAnsweredAtOnce) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  tracker_.Offer(blob, {});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  agent_->Run(
      [&] { EXPECT_OK(agent_->node().OpenReader(blob.digest, ByteOffset(0), ByteCount(-1))); });
  EXPECT_EQ(agent_->Stats().active, 1u);
  EXPECT_EQ(agent_->Stats().started, 1u);
}

TEST_F(DownloadsTest, ASmallBlobComesWithItsMetainfo) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ExpectStored(blob);
  // No swarm was needed.
  agent_->Run([&] { EXPECT_EQ(agent_->node().stats().torrents, 0u); });
}

TEST_F(DownloadsTest, AnEmptyBlobComesToo) {
  StartAgent();
  const TestBlob blob(0, kPiece);
  tracker_.Offer(blob.digest, InlineMetainfo(""));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ExpectStored(blob);
}

TEST_F(DownloadsTest, InlineBytesOfAnotherDigestAreRefused) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  tracker_.Offer(blob.digest, InlineMetainfo("something else"));
  EXPECT_THAT(Want(blob.digest)->Wait(0), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(agent_->store().Contains(blob.digest));
}

TEST_F(DownloadsTest, TooManyInlineBytesAreRefused) {
  StartAgent();
  const TestBlob blob(kPiece + 1, kPiece);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_THAT(Want(blob.digest)->Wait(0),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("65537 bytes")));
}

TEST_F(DownloadsTest, WhatIsHereIsNotAskedFor) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  ASSERT_OK(agent_->store().PutSmall(blob.digest, blob.bytes));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_EQ(tracker_.asked(blob.digest), 0);
  // It counts as no download.
  const DownloadStats stats = agent_->Stats();
  EXPECT_EQ(stats.started, 0u);
  EXPECT_EQ(stats.completed, 0u);
}

TEST_F(DownloadsTest, AnErrorReachesAllWhoWaitAndTheNextOneTriesAgain) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  const auto answers = Want(blob.digest, 3);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  tracker_.Fail(blob.digest, absl::NotFoundError("no backend has it"));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_THAT(answers->Wait(i),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("no backend has it")));
  }
  EXPECT_EQ(agent_->Stats().failed, 1u);
  EXPECT_EQ(agent_->Stats().active, 0u);

  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_OK(Want(blob.digest)->Wait(0));
}

// That an origin can't be reached just now is no answer for a client.
TEST_F(DownloadsTest, AsksAgainWhenNoOriginCouldBeReached) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  tracker_.Fail(blob.digest, absl::UnavailableError("no origin answers"));
  const auto answers = Want(blob.digest);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest, 2));
  EXPECT_EQ(answers->size(), 0u);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_OK(answers->Wait(0));
}

TEST_F(DownloadsTest, SaysWhatWasWrongWhenNoNewsComeInTime) {
  StartAgent({.metainfo_timeout = absl::Milliseconds(300)});
  const TestBlob blob(5000, kPiece);
  const auto answers = Want(blob.digest, 2);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  tracker_.Fail(blob.digest, absl::UnavailableError("no origin answers"));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_THAT(answers->Wait(i),
                StatusIs(absl::StatusCode::kDeadlineExceeded,
                         AllOf(HasSubstr(blob.digest.ToString()), HasSubstr("300ms"),
                               HasSubstr("no origin answers"))));
  }
}

TEST_F(DownloadsTest, SaysSoonThatNoTrackerIsThere) {
  agent_ = std::make_unique<TestAgent>(
      TestAgentOptions{.tracker = "127.0.0.1:1",
                       .downloads = {.metainfo_timeout = absl::Hours(1),
                                     .tracker_timeout = absl::Milliseconds(100)}});
  const TestBlob blob(5000, kPiece);
  EXPECT_THAT(Want(blob.digest)->Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

TEST_F(DownloadsTest, OnceATrackerIsThereTheBlobHasAllTheTime) {
  const std::string address = tracker_.address();
  tracker_.Stop();
  StartAgent({.metainfo_timeout = absl::Hours(1), .tracker_timeout = absl::Seconds(5)});
  const TestBlob blob(5000, kPiece);
  const auto answers = Want(blob.digest);
  tracker_.Start();
  ASSERT_EQ(tracker_.address(), address);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  EXPECT_EQ(answers->size(), 0u);
  tracker_.Offer(blob.digest, InlineMetainfo(storage::ToString(blob.bytes)));
  EXPECT_OK(answers->Wait(0));
}

TEST_F(DownloadsTest, AnImpossiblePieceLengthFailsTheDownload) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  rpc::v1::Metainfo metainfo = MetainfoProtoOf(blob);
  metainfo.mutable_ranges(0)->set_piece_length_bytes(3);
  // What follows finds no download any more.
  *metainfo.add_ranges() = rpc::v1::PieceRange(metainfo.ranges(0));
  tracker_.Offer(blob.digest, metainfo);
  EXPECT_THAT(Want(blob.digest)->Wait(0),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(blob.digest.ToString())));
  EXPECT_EQ(agent_->Stats().failed, 1u);
}

TEST_F(DownloadsTest, APieceListOfAnotherBlobIsPassedOver) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  const TestBlob other(3 * kPiece, kPiece, /*seed=*/2);
  rpc::v1::Metainfo metainfo = MetainfoProtoOf(other);
  *metainfo.add_ranges() = MetainfoProtoOf(blob).ranges(0);
  tracker_.Offer(blob.digest, metainfo);
  EXPECT_OK(Want(blob.digest)->Wait(0));
  agent_->Run([&] {
    EXPECT_TRUE(agent_->node().HasTorrent({blob.digest, ByteCount(kPiece)}));
    EXPECT_FALSE(agent_->node().HasTorrent({other.digest, ByteCount(kPiece)}));
  });
}

TEST_F(DownloadsTest, ARevokedPieceListEndsTheDownload) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  tracker_.Offer(blob, {});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(blob.digest));
  *news.mutable_revoked() = rpc::ToFailure(absl::DataLossError("the backend sent other bytes"));
  tracker_.Push(news);
  ASSERT_TRUE(WaitFor([&] { return agent_->Stats().failed == 1; }));
  agent_->Run([&] { EXPECT_FALSE(agent_->node().HasTorrent({blob.digest, ByteCount(kPiece)})); });
}

TEST_F(DownloadsTest, RemovingABlobStopsItsDownload) {
  StartAgent();
  const TestBlob blob(5000, kPiece);
  const auto answers = Want(blob.digest);
  ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
  EXPECT_THAT(Remove(blob.digest)->Wait(0), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(answers->Wait(0), StatusIs(absl::StatusCode::kCancelled));

  // While the swarm fetches it.
  const TestBlob large(3 * kPiece, kPiece, /*seed=*/2);
  tracker_.Offer(large, {});
  EXPECT_OK(Want(large.digest)->Wait(0));
  EXPECT_OK(Remove(large.digest)->Wait(0));
  EXPECT_EQ(agent_->store().FindPartial(large.digest), nullptr);
  agent_->Run([&] { EXPECT_FALSE(agent_->node().HasTorrent({large.digest, ByteCount(kPiece)})); });
  EXPECT_EQ(agent_->Stats().active, 0u);
}

TEST_F(DownloadsTest, ARemovedBlobIsFetchedAnew) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  TestNode origin(&swarm_, {.origin = true});
  origin.Store(blob);
  tracker_.Offer(blob, {origin.self()});
  for (uint64_t round = 1; round <= 2; ++round) {
    EXPECT_OK(Want(blob.digest)->Wait(0));
    ASSERT_TRUE(WaitFor([&] { return agent_->Stats().completed == round; }));
    ExpectStored(blob);
    EXPECT_OK(Remove(blob.digest)->Wait(0));
    EXPECT_FALSE(agent_->store().Contains(blob.digest));
    // Nor is it seeded from the file that was open.
    agent_->Run([&] { EXPECT_FALSE(agent_->node().HasTorrent({blob.digest, ByteCount(kPiece)})); });
  }
}

}  // namespace
}  // namespace kraken::agent
