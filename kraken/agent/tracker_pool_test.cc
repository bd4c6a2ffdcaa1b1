#include "kraken/agent/tracker_pool.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/test_util.h"
#include "kraken/cluster/ring.h"
#include "kraken/net/loop_thread.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::agent {
namespace {

using peer_wire::WaitFor;
using ::testing::HasSubstr;

class TrackerPoolTest : public ::testing::Test {
 protected:
  // Connects to these, in a pool of its own.
  void Connect(const std::vector<std::string>& trackers) {
    loop_.RunAndWait([&] {
      directory_ =
          std::make_unique<rpc::ChannelDirectory>(&loop_.loop(), rpc::ChannelDirectoryOptions());
      cluster::ClusterMonitorOptions members;
      members.hosts.static_hosts = trackers;
      members.health.disabled = true;
      auto monitor = cluster::ClusterMonitor::Create(&loop_.loop(), members);
      ASSERT_OK(monitor);
      members_ = *std::move(monitor);
      pool_ = std::make_unique<TrackerPool>(&loop_.loop(), directory_.get(), members_.get());
      swarm::PeerInfo self;
      self.id = PeerId::Random();
      self.ip = "10.1.2.3";
      self.port = 16001;
      pool_->Start(
          self, "zone-a",
          [this](const Digest& digest, const rpc::v1::TorrentNews&) {
            news_.Put(digest.ToString());
          },
          [this] { ++changes_; });
    });
  }
  int Changes() {
    int changes = 0;
    loop_.RunAndWait([&] { changes = changes_; });
    return changes;
  }
  // Until the pool has heard from `tracker`, and so may use it.
  void WaitUntilHeard(ScriptedTracker& tracker, int streams = 1) {
    ASSERT_TRUE(tracker.WaitForStreams(streams));
    const size_t before = news_.size();
    rpc::v1::TorrentNews news;
    news.set_digest(rpc::ToBytes(DigestOf(1'000'000)));
    tracker.Push(news);
    news_.Wait(before);
  }
  void TearDown() override {
    loop_.RunAndWait([this] {
      pool_ = nullptr;
      members_ = nullptr;
      directory_ = nullptr;
    });
  }

  static Digest DigestOf(int i) {
    return storage::TestBlob(8, 64 << 10, static_cast<uint64_t>(i)).digest;
  }
  // One whose tracker is `first` of the two.
  Digest DigestAt(const ScriptedTracker& first, const ScriptedTracker& second, int skip = 0) {
    const std::vector<std::string> both = {first.address(), second.address()};
    for (int i = 0;; ++i) {
      const Digest digest = DigestOf(i);
      if (cluster::Ring(both, both, 1).Locations(digest)[0] != first.address()) continue;
      if (skip-- == 0) return digest;
    }
  }
  void Want(const Digest& digest) {
    loop_.RunAndWait([&] { pool_->WantMetainfo(digest, "library/debian"); });
  }
  absl::Status Status() {
    absl::Status status;
    loop_.RunAndWait([&] { status = pool_->status(); });
    return status;
  }

  ScriptedTracker a_;
  ScriptedTracker b_;
  net::LoopThread loop_{"pool"};
  rpc::Mailbox<std::string> news_;
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<cluster::ClusterMonitor> members_;
  std::unique_ptr<TrackerPool> pool_;
  int changes_ = 0;  // of the trackers that are connected, on the loop
};

TEST_F(TrackerPoolTest, ADigestHasItsTrackerByRendezvousHashing) {
  Connect({a_.address(), b_.address()});
  WaitUntilHeard(a_);
  WaitUntilHeard(b_);
  for (int i = 0; i < 5; ++i) {
    const Digest at_a = DigestAt(a_, b_, i);
    const Digest at_b = DigestAt(b_, a_, i);
    Want(at_a);
    Want(at_b);
    EXPECT_TRUE(a_.WaitUntilAsked(at_a));
    EXPECT_TRUE(b_.WaitUntilAsked(at_b));
    EXPECT_EQ(a_.asked_namespace(at_a), "library/debian");
    EXPECT_EQ(b_.asked(at_a), 0);
    EXPECT_EQ(a_.asked(at_b), 0);
  }
}

TEST_F(TrackerPoolTest, TellsWhatTheTrackersSay) {
  Connect({a_.address(), b_.address()});
  WaitUntilHeard(a_);
  WaitUntilHeard(b_);
  const size_t before = news_.size();
  const Digest digest = DigestAt(a_, b_);
  a_.Offer(digest, InlineMetainfo("x"));
  Want(digest);
  EXPECT_EQ(news_.Wait(before), digest.ToString());
}

TEST_F(TrackerPoolTest, AsksWhatWasWantedBeforeAnybodyWasConnected) {
  Connect({a_.address()});
  const Digest digest = DigestOf(1);
  Want(digest);
  EXPECT_TRUE(a_.WaitUntilAsked(digest));
}

TEST_F(TrackerPoolTest, AsksTheNextTrackerWhenTheStreamBreaksAndTheFirstWhenItIsBack) {
  Connect({a_.address(), b_.address()});
  WaitUntilHeard(a_);
  WaitUntilHeard(b_);
  const Digest wanted = DigestAt(a_, b_);
  const Digest given_up = DigestAt(a_, b_, 1);
  Want(wanted);
  Want(given_up);
  ASSERT_TRUE(a_.WaitUntilAsked(wanted));
  ASSERT_TRUE(a_.WaitUntilAsked(given_up));
  loop_.RunAndWait([&] { pool_->StopWanting(given_up); });
  EXPECT_TRUE(a_.WaitUntilGivenUp(given_up)) << "or it took the next wish for a repetition";

  a_.Stop();
  EXPECT_TRUE(b_.WaitUntilAsked(wanted));
  EXPECT_OK(Status());

  a_.Start();
  EXPECT_TRUE(a_.WaitUntilAsked(wanted, 2));
  EXPECT_EQ(a_.streams(), 2);
  EXPECT_EQ(b_.asked(given_up), 0);
  EXPECT_EQ(a_.asked(given_up), 1);
}

TEST_F(TrackerPoolTest, AnnouncesToTheDigestsTracker) {
  Connect({a_.address(), b_.address()});
  WaitUntilHeard(a_);
  WaitUntilHeard(b_);
  const Digest wanted = DigestAt(a_, b_);
  const Digest other = DigestAt(b_, a_);
  Want(wanted);
  ASSERT_TRUE(a_.WaitUntilAsked(wanted));
  loop_.RunAndWait([&] {
    swarm::AnnounceRecord record;
    record.key = {wanted, ByteCount(64 << 10)};
    record.event = swarm::AnnounceEvent::kJoin;
    record.have = PieceCount(3);
    record.piece_count = PieceCount(7);
    record.want_peers = 20;
    pool_->Announce(swarm::TorrentId(), record);
    record.key.digest = other;
    record.event = swarm::AnnounceEvent::kLeave;
    pool_->Announce(swarm::TorrentId(), record);
  });
  ASSERT_TRUE(WaitFor([&] { return a_.announced(wanted).size() == 1; }));
  ASSERT_TRUE(WaitFor([&] { return b_.announced(other).size() == 1; }));
  const rpc::v1::AnnounceRecord record = a_.announced(wanted)[0];
  EXPECT_EQ(record.event(), rpc::v1::ANNOUNCE_EVENT_JOIN);
  EXPECT_EQ(record.piece_length_bytes(), 64u << 10);
  EXPECT_EQ(record.have_pieces(), 3u);
  EXPECT_EQ(record.piece_count(), 7u);
  EXPECT_EQ(record.want_peers(), 20);
  // Its list may still grow.
  EXPECT_TRUE(record.want_metainfo());
  EXPECT_EQ(record.namespace_(), "library/debian");

  const rpc::v1::AnnounceRecord leave = b_.announced(other)[0];
  EXPECT_EQ(leave.event(), rpc::v1::ANNOUNCE_EVENT_LEAVE);
  EXPECT_FALSE(leave.want_metainfo());
}

TEST_F(TrackerPoolTest, SaysWhenTrackersComeAndGo) {
  Connect({a_.address()});
  ASSERT_TRUE(WaitFor([&] { return Changes() == 1; }));
  a_.Stop();
  ASSERT_TRUE(WaitFor([&] { return Changes() == 2; }));
  a_.Start();
  ASSERT_TRUE(WaitFor([&] { return Changes() == 3; }));
}

TEST_F(TrackerPoolTest, NamesWhyNoTrackerIsConnected) {
  Connect({"127.0.0.1:1"});
  ASSERT_TRUE(WaitFor([&] { return absl::StrContains(Status().message(), "127.0.0.1:1"); }));
  EXPECT_THAT(Status(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TrackerPoolTest, NamesTheTrackerWhoseStreamBroke) {
  Connect({a_.address()});
  WaitUntilHeard(a_);
  EXPECT_OK(Status());
  a_.Stop();
  ASSERT_TRUE(WaitFor([&] { return !Status().ok(); }));
  EXPECT_THAT(Status(), StatusIs(absl::StatusCode::kUnavailable, HasSubstr(a_.address())));
}

}  // namespace
}  // namespace kraken::agent
