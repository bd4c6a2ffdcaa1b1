// Downloads whose tracker, origins, peers or backend do not help.
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/agent/downloads.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/scripted_backend.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/loop_thread.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using daemon::ScriptedBackend;
using daemon::TestOrigin;
using peer_wire::TestNode;
using peer_wire::WaitFor;
using storage::TestBlob;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The automatic choice for small blobs, so that lists and backends agree.
constexpr int64_t kPiece = storage::kMinAutomaticPieceLength;
constexpr absl::Duration kShort = absl::Milliseconds(50);
// Longer than a test may take.
constexpr absl::Duration kNever = absl::Hours(1);
// Nobody listens there.
constexpr char kNobody[] = "127.0.0.1:1";

constexpr size_t kOrigin = static_cast<size_t>(BlobSource::kOrigin);
constexpr size_t kBackend = static_cast<size_t>(BlobSource::kBackend);

// Nothing happens by itself unless the test says so.
DownloadConfig Patient() {
  return {.metainfo_timeout = kNever,
          .first_byte_timeout = kNever,
          .tracker_timeout = kShort,
          .ask_origins_after = kNever,
          .read_backend_after = kNever,
          .stall_timeout = kNever};
}

class DownloadsFallbackTest : public ::testing::Test {
 protected:
  using Answers = rpc::Mailbox<absl::Status>;

  // Without a tracker unless `with_tracker`; without a backend unless `with_backend`.
  struct Cluster {
    bool with_tracker = false;
    bool with_origin = true;
    bool with_backend = false;
  };
  void StartAgent(const Cluster& cluster, const DownloadConfig& config) {
    TestAgentOptions options{.tracker = cluster.with_tracker ? tracker_.address() : kNobody,
                             .downloads = config};
    options.origins = {cluster.with_origin ? origin_.address() : kNobody};
    if (cluster.with_backend) options.backends = &backend_.router();
    agent_ = std::make_unique<TestAgent>(options);
    if (cluster.with_tracker) {
      ASSERT_TRUE(tracker_.WaitForStreams(1));
    }
  }
  std::shared_ptr<Answers> Want(const Digest& digest) {
    auto answers = std::make_shared<Answers>();
    agent_->Run([&] {
      agent_->downloads().Want(namespace_, digest,
                               [answers](absl::Status status) { answers->Put(status); });
    });
    return answers;
  }
  // Tells the list, and `peer` as the origin.
  static void Tell(const TestOrigin::Watch& watch, const TestBlob& blob,
                   const swarm::PeerInfo& peer) {
    rpc::v1::MetainfoNews news;
    *news.mutable_origin() = rpc::ToProto(peer, rpc::ZoneTable());
    *news.mutable_metainfo() = MetainfoProtoOf(blob);
    watch.outlet->Write(news);
  }
  static void Greet(const TestOrigin::Watch& watch) {
    rpc::v1::MetainfoNews news;
    *news.mutable_origin() = daemon::TestPeerAt(1);
    watch.outlet->Write(news);
  }
  // As if peers had brought some pieces before.
  void Deliver(const TestBlob& blob, const std::vector<int>& pieces) {
    ASSERT_OK_AND_ASSIGN(
        const auto partial,
        agent_->store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
    ASSERT_OK(partial->SetStates(PieceIndex(0), blob.states));
    for (const int piece : pieces) {
      ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(piece)));
      ASSERT_OK(writer->Write(blob.Piece(piece)));
      ASSERT_OK(writer->Finish());
    }
  }
  void ExpectStored(const TestBlob& blob) {
    ASSERT_TRUE(WaitFor([&] { return agent_->Stats().active == 0; }));
    ASSERT_OK_AND_ASSIGN(const auto stored, agent_->store().Find(blob.digest));
    std::vector<uint8_t> bytes(static_cast<size_t>(stored->size().value()));
    ASSERT_OK(stored->ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
    EXPECT_TRUE(bytes == blob.bytes);
  }
  std::vector<int64_t> BackendReads() {
    std::vector<int64_t> offsets;
    for (size_t i = 0; i < backend_.downloads().size(); ++i) {
      offsets.push_back(backend_.downloads().Wait(i));
    }
    return offsets;
  }

  const Namespace namespace_ = *Namespace::Parse("library/debian");
  ScriptedTracker tracker_;
  net::LoopThread origin_loop_{"origin"};
  TestOrigin origin_{origin_loop_};
  ScriptedBackend backend_;
  peer_wire::TestTracker swarm_;
  std::unique_ptr<TestAgent> agent_;
};

// ---- The origins ----

TEST_F(DownloadsFallbackTest, AsksTheOriginsAtOnceWhenNoTrackerIsThere) {
  StartAgent({}, Patient());
  const TestBlob blob(5 * kPiece + 7, kPiece);
  TestNode seeder(&swarm_, {.origin = true});
  seeder.Store(blob);
  const auto answers = Want(blob.digest);
  const TestOrigin::Watch watch = origin_.WaitForWatch(0);
  EXPECT_EQ(watch.request.digest(), rpc::ToBytes(blob.digest));
  EXPECT_EQ(watch.request.namespace_(), "library/debian");
  EXPECT_FALSE(watch.request.only_if_here());
  Tell(watch, blob, seeder.self());
  EXPECT_OK(answers->Wait(0));
  ExpectStored(blob);
  const DownloadStats stats = agent_->Stats();
  EXPECT_THAT(stats.found, ElementsAre(0u, 1u, 0u));
  EXPECT_THAT(stats.asked, ElementsAre(0u, 1u, 0u));
  EXPECT_EQ(stats.completed, 1u);
  // The stream is not kept for nothing.
  origin_.WaitForClosed(1);
}

TEST_F(DownloadsFallbackTest, AsksTheOriginsWhenTheTrackerHasNoNews) {
  DownloadConfig config = Patient();
  config.ask_origins_after = kShort;
  StartAgent({.with_tracker = true}, config);
  const TestBlob blob(5 * kPiece, kPiece);
  TestNode seeder(&swarm_, {.origin = true});
  seeder.Store(blob);
  const auto answers = Want(blob.digest);
  Tell(origin_.WaitForWatch(0), blob, seeder.self());
  EXPECT_OK(answers->Wait(0));
  EXPECT_EQ(tracker_.asked(blob.digest), 1);
  ExpectStored(blob);
}

TEST_F(DownloadsFallbackTest, ATrackerThatHelpsIsAskedAlone) {
  DownloadConfig config = Patient();
  config.ask_origins_after = kShort;
  config.read_backend_after = kShort;
  StartAgent({.with_tracker = true, .with_backend = true}, config);
  const TestBlob blob(5 * kPiece, kPiece);
  tracker_.Offer(blob, {});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_FALSE(origin_.HasWatch(0, 4 * kShort));
  EXPECT_THAT(agent_->Stats().found, ElementsAre(1u, 0u, 0u));
  EXPECT_THAT(BackendReads(), ElementsAre());
}

TEST_F(DownloadsFallbackTest, AsksTheOriginsThatTheTrackerDoesNotReach) {
  StartAgent({.with_tracker = true}, Patient());
  const TestBlob blob(1000, kPiece);
  tracker_.Fail(blob.digest, absl::UnavailableError("no origin answers"));
  const auto answers = Want(blob.digest);
  rpc::v1::MetainfoNews news;
  *news.mutable_metainfo() = InlineMetainfo(storage::ToString(blob.bytes));
  origin_.WaitForWatch(0).outlet->Write(news);
  EXPECT_OK(answers->Wait(0));
  ExpectStored(blob);
}

TEST_F(DownloadsFallbackTest, NewsOfBothWaysAddUp) {
  DownloadConfig config = Patient();
  config.ask_origins_after = kShort;
  StartAgent({.with_tracker = true}, config);
  const TestBlob blob(5 * kPiece, kPiece);
  const TestBlob other_pieces(blob.size().value(), 2 * kPiece);
  ASSERT_EQ(other_pieces.digest, blob.digest);
  TestNode seeder(&swarm_);
  seeder.Store(blob);
  const auto answers = Want(blob.digest);
  // An origin that is no peer; then a tracker that says the same in other pieces, and who has it.
  rpc::v1::MetainfoNews news;
  *news.mutable_metainfo() = MetainfoProtoOf(blob);
  origin_.WaitForWatch(0).outlet->Write(news);
  EXPECT_OK(answers->Wait(0));
  tracker_.Offer(blob.digest, MetainfoProtoOf(other_pieces));
  tracker_.Offer(blob, {seeder.self()});
  ExpectStored(blob);
  const DownloadStats stats = agent_->Stats();
  EXPECT_EQ(stats.started, 1u);
  EXPECT_EQ(stats.failed, 0u);
  EXPECT_THAT(stats.found, ElementsAre(0u, 1u, 0u));
}

TEST_F(DownloadsFallbackTest, WhatTheOriginsBackendLacksIsNotFound) {
  StartAgent({.with_backend = true}, Patient());
  const TestBlob blob(1000, kPiece);
  const auto answers = Want(blob.digest);
  origin_.WaitForWatch(0).outlet->Finish(absl::NotFoundError("the backend does not have it"));
  EXPECT_THAT(answers->Wait(0),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("does not have it")));
  EXPECT_THAT(BackendReads(), ElementsAre());
}

TEST_F(DownloadsFallbackTest, AnOriginThatFailsIsAskedAgain) {
  DownloadConfig config = Patient();
  config.tracker_timeout = kNever;
  StartAgent({}, config);
  const TestBlob blob(1000, kPiece);
  const auto answers = Want(blob.digest);
  const absl::Status failure = absl::UnavailableError("restarting");
  origin_.WaitForWatch(0).outlet->Finish(failure);
  // A call that was not answered is tried once more by itself.
  origin_.WaitForWatch(1).outlet->Finish(failure);
  rpc::v1::MetainfoNews news;
  *news.mutable_metainfo() = InlineMetainfo(storage::ToString(blob.bytes));
  origin_.WaitForWatch(2).outlet->Write(news);
  EXPECT_OK(answers->Wait(0));
}

TEST_F(DownloadsFallbackTest, ATorrentWhosePeersBringNothingAsksTheOriginsToBePeers) {
  DownloadConfig config = Patient();
  config.stall_timeout = absl::Milliseconds(200);
  StartAgent({.with_tracker = true}, config);
  const TestBlob blob(5 * kPiece, kPiece);
  TestNode seeder(&swarm_, {.origin = true});
  seeder.Store(blob);
  // It takes connections, and says nothing.
  ASSERT_OK_AND_ASSIGN(const auto frozen, net::ListenSocket::Listen("127.0.0.1:0"));
  swarm::PeerInfo frozen_peer = seeder.self();
  frozen_peer.id = PeerId::Random();
  frozen_peer.port = frozen.address().port();
  tracker_.Offer(blob, {frozen_peer});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  Tell(origin_.WaitForWatch(0), blob, seeder.self());
  ExpectStored(blob);
  EXPECT_THAT(agent_->Stats().found, ElementsAre(1u, 0u, 0u));
}

// ---- The backend ----

TEST_F(DownloadsFallbackTest, ReadsTheBackendWhenNobodyElseIsThere) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  uint64_t bytes = 0;
  for (const int64_t size : {int64_t{0}, int64_t{1000}, 5 * kPiece + 7}) {
    const TestBlob blob(size, kPiece, /*seed=*/static_cast<uint64_t>(size) + 1);
    backend_.Put(blob.digest, blob.bytes);
    bytes += blob.bytes.size();
    EXPECT_OK(Want(blob.digest)->Wait(0));
    ExpectStored(blob);
  }
  const DownloadStats stats = agent_->Stats();
  EXPECT_THAT(stats.found, ElementsAre(0u, 0u, 3u));
  EXPECT_EQ(stats.asked[kBackend], 3u);
  EXPECT_EQ(stats.completed, 3u);
  EXPECT_EQ(stats.backend_bytes, bytes);
}

TEST_F(DownloadsFallbackTest, WhatArrivesFromTheBackendCanBeReadAtOnce) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(5 * kPiece, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  backend_.HoldAt(3 * kPiece);
  EXPECT_OK(Want(blob.digest)->Wait(0));
  std::unique_ptr<peer_wire::BlobReader> reader;
  agent_->Run([&] {
    auto opened = agent_->node().OpenReader(blob.digest, ByteOffset(0), ByteCount(-1));
    ASSERT_OK(opened);
    reader = *std::move(opened);
  });
  EXPECT_TRUE(WaitFor([&] { return reader->available() == ByteOffset(3 * kPiece); }));
  // Others who come meanwhile need not wait either.
  EXPECT_OK(Want(blob.digest)->Wait(0));
  backend_.Release();
  EXPECT_TRUE(WaitFor([&] { return reader->available() == reader->end(); }));
  ExpectStored(blob);
  EXPECT_EQ(agent_->Stats().started, 1u);
}

TEST_F(DownloadsFallbackTest, NobodyGetsTheLastByteOfABackendsWrongBytes) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(5 * kPiece, kPiece);
  std::vector<uint8_t> wrong = blob.bytes;
  wrong[100] ^= 1;
  backend_.Put(blob.digest, wrong);
  backend_.HoldAt(5 * kPiece - 1);
  EXPECT_OK(Want(blob.digest)->Wait(0));
  std::unique_ptr<peer_wire::BlobReader> reader;
  agent_->Run([&] {
    auto opened = agent_->node().OpenReader(blob.digest, ByteOffset(0), ByteCount(-1));
    ASSERT_OK(opened);
    reader = *std::move(opened);
  });
  EXPECT_TRUE(WaitFor([&] { return reader->available() == ByteOffset(4 * kPiece); }));
  backend_.Release();
  EXPECT_TRUE(WaitFor([&] { return !reader->status().ok(); }));
  EXPECT_THAT(reader->status(), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(reader->available(), ByteOffset(0));
  EXPECT_TRUE(WaitFor([&] { return agent_->Stats().failed == 1; }));
  reader = nullptr;
  // Nothing of it is left: the next one begins anew.
  backend_.Put(blob.digest, blob.bytes);
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ExpectStored(blob);
  EXPECT_THAT(BackendReads(), ElementsAre(0, 0));
}

TEST_F(DownloadsFallbackTest, WhatIsVerifiedIsNotReadFromTheBackendAgain) {
  DownloadConfig config = Patient();
  config.stall_timeout = absl::Milliseconds(100);
  StartAgent({.with_tracker = true, .with_origin = false, .with_backend = true}, config);
  const TestBlob blob(6 * kPiece, kPiece);
  Deliver(blob, {0, 1, 3, 5});
  backend_.Put(blob.digest, blob.bytes);
  tracker_.Offer(blob, {});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ExpectStored(blob);
  EXPECT_THAT(BackendReads(), ElementsAre(2 * kPiece, 4 * kPiece));
  const DownloadStats stats = agent_->Stats();
  EXPECT_EQ(stats.backend_bytes, static_cast<uint64_t>(2 * kPiece));
  EXPECT_THAT(stats.found, ElementsAre(1u, 0u, 0u));
  EXPECT_THAT(stats.asked, ElementsAre(0u, 1u, 1u));
}

TEST_F(DownloadsFallbackTest, AReadThatEndedGoesOnFromWhatCame) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(6 * kPiece, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  backend_.FailAt(3 * kPiece + 5, absl::UnavailableError("registry restarting"));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_TRUE(WaitFor([&] { return agent_->Stats().failed == 1; }));
  backend_.FailAt(0, absl::OkStatus());
  EXPECT_OK(Want(blob.digest)->Wait(0));
  ExpectStored(blob);
  EXPECT_THAT(BackendReads(), ElementsAre(0, 3 * kPiece));
}

TEST_F(DownloadsFallbackTest, ABackendThatContradictsTheListSpoilsNoTorrent) {
  DownloadConfig config = Patient();
  config.stall_timeout = absl::Milliseconds(100);
  StartAgent({.with_tracker = true, .with_origin = false, .with_backend = true}, config);
  const TestBlob blob(4 * kPiece, kPiece);
  std::vector<uint8_t> wrong = blob.bytes;
  wrong[kPiece] ^= 1;
  backend_.Put(blob.digest, wrong);
  TestNode seeder(&swarm_);
  seeder.Store(blob);
  tracker_.Offer(blob, {});
  EXPECT_OK(Want(blob.digest)->Wait(0));
  // Piece 0 was right, and stays.
  EXPECT_EQ(backend_.downloads().Wait(1), kPiece);
  EXPECT_EQ(agent_->Stats().failed, 0u);
  tracker_.Offer(blob, {seeder.self()});
  ExpectStored(blob);
}

TEST_F(DownloadsFallbackTest, NoBackendIsReadForWhatIsOnlyWantedAhead) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(1000, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  agent_->Run([&] { agent_->downloads().WantAhead(namespace_, blob.digest); });
  ASSERT_TRUE(WaitFor([&] { return agent_->Stats().failed == 1; }));
  EXPECT_THAT(BackendReads(), ElementsAre());
  EXPECT_OK(Want(blob.digest)->Wait(0));
}

TEST_F(DownloadsFallbackTest, AClientWhoComesForWhatWasWantedAheadHasTheBackendRead) {
  DownloadConfig config = Patient();
  config.tracker_timeout = kNever;
  StartAgent({.with_origin = false, .with_backend = true}, config);
  const TestBlob blob(1000, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  agent_->Run([&] { agent_->downloads().WantAhead(namespace_, blob.digest); });
  ASSERT_TRUE(WaitFor([&] { return agent_->Stats().asked[kOrigin] == 1; }));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_EQ(agent_->Stats().started, 1u);
}

// It is about to read the backend itself, once for all agents.
TEST_F(DownloadsFallbackTest, AnOriginThatWorksOnItKeepsTheAgentFromTheBackend) {
  DownloadConfig config = Patient();
  config.read_backend_after = absl::Seconds(1);
  config.metainfo_timeout = absl::Milliseconds(1500);
  StartAgent({.with_backend = true}, config);
  const TestBlob blob(1000, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  const auto answers = Want(blob.digest);
  Greet(origin_.WaitForWatch(0));
  EXPECT_THAT(answers->Wait(0),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("origins: still looking"), HasSubstr("backend: not read"))));
  EXPECT_THAT(BackendReads(), ElementsAre());
}

TEST_F(DownloadsFallbackTest, WhenAllAreSilentTheBackendIsRead) {
  DownloadConfig config = Patient();
  config.ask_origins_after = kShort;
  config.read_backend_after = 2 * kShort;
  StartAgent({.with_tracker = true, .with_backend = true}, config);
  const TestBlob blob(5 * kPiece, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  const auto answers = Want(blob.digest);
  const TestOrigin::Watch silent = origin_.WaitForWatch(0);
  EXPECT_OK(answers->Wait(0));
  ExpectStored(blob);
}

TEST_F(DownloadsFallbackTest, WhatTheBackendLacksIsNotFound) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  EXPECT_THAT(Want(TestBlob(1000, kPiece).digest)->Wait(0), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(DownloadsFallbackTest, TheErrorNamesEachWayAndWhyItFailed) {
  StartAgent({.with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(1000, kPiece);
  backend_.Put(blob.digest, blob.bytes);
  backend_.FailAt(0, absl::UnavailableError("registry restarting"));
  EXPECT_THAT(Want(blob.digest)->Wait(0),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(blob.digest.ToString()),
                             HasSubstr("trackers: no tracker is connected: 127.0.0.1:1"),
                             HasSubstr("origins: 127.0.0.1:1"),
                             HasSubstr("backend: registry restarting"))));
}

// The list is the backend's own, the pieces come from both.
TEST_F(DownloadsFallbackTest, ATrackerThatComesBackHelpsWhileTheBackendIsRead) {
  StartAgent({.with_tracker = true, .with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(6 * kPiece, kPiece);
  TestNode seeder(&swarm_);
  seeder.Store(blob);
  backend_.Put(blob.digest, blob.bytes);
  backend_.HoldAt(2 * kPiece);
  tracker_.Fail(blob.digest, absl::UnavailableError("no origin answers"));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  EXPECT_THAT(agent_->Stats().found, ElementsAre(0u, 0u, 1u));
  tracker_.Offer(blob, {seeder.self()});
  ExpectStored(blob);
  backend_.Release();
  EXPECT_EQ(agent_->Stats().failed, 0u);
}

TEST_F(DownloadsFallbackTest, AListInOtherPiecesDoesNotDisturbTheBackend) {
  StartAgent({.with_tracker = true, .with_origin = false, .with_backend = true}, Patient());
  const TestBlob blob(6 * kPiece, kPiece);
  const TestBlob other_pieces(blob.size().value(), 2 * kPiece);
  backend_.Put(blob.digest, blob.bytes);
  backend_.HoldAt(2 * kPiece);
  tracker_.Fail(blob.digest, absl::UnavailableError("no origin answers"));
  EXPECT_OK(Want(blob.digest)->Wait(0));
  const int asked = tracker_.asked(blob.digest);
  tracker_.Offer(blob.digest, MetainfoProtoOf(other_pieces));
  rpc::v1::TorrentNews revoked;
  revoked.set_digest(rpc::ToBytes(blob.digest));
  revoked.mutable_revoked()->set_code(static_cast<int>(absl::StatusCode::kDataLoss));
  tracker_.Push(revoked);
  // It has heard of all that: what a tracker says comes in order.
  const TestBlob marker(1000, kPiece, /*seed=*/2);
  tracker_.Offer(marker.digest, InlineMetainfo(storage::ToString(marker.bytes)));
  EXPECT_OK(Want(marker.digest)->Wait(0));
  EXPECT_GE(asked, 1);
  backend_.Release();
  ExpectStored(blob);
  EXPECT_EQ(agent_->Stats().failed, 0u);
}

}  // namespace
}  // namespace kraken::agent
