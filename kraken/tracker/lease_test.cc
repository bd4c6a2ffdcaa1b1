// Peers that fall silent, vanish and come back: real clients, a real server.
#include <algorithm>
#include <csignal>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/registry/testing/child_process.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/swarm/config.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/steady_peer.h"

namespace kraken::tracker {
namespace {

using registry::testing::ChildProcess;
using ::testing::HasSubstr;

// A peer may miss an announce, and be late with the next, before its torrents leave their swarms.
TEST(LeaseConfigTest, TheLeaseIsAFewAnnouncesLong) {
  EXPECT_GE(TrackerServerConfig().lease, 3 * swarm::SwarmConfig().announce_interval);
}

class LeaseTest : public ::testing::Test {
 protected:
  LeaseTest() {
    loop_.RunAndWait([this] {
      access_ = std::make_unique<daemon::OriginAccess>(&loop_.loop(),
                                                       std::vector<std::string>{"127.0.0.1:1"},
                                                       /*max_replica=*/3);
    });
  }
  ~LeaseTest() override {
    tracker_.Stop();
    loop_.RunAndWait([this] {
      service_.reset();
      hub_.reset();
      access_.reset();
    });
  }

  // With an empty memory; on `port` if that is not 0.
  void StartTracker(const TrackerServerConfig& config, int port = 0) {
    loop_.RunAndWait([&] {
      service_.reset();
      hub_ = std::make_unique<AnnounceHub>(&loop_.loop(), &access_->client, access_->cluster.get(),
                                           config);
      service_ = std::make_unique<rpc::AnnounceService>(loop_.loop().handle(), hub_.get());
    });
    tracker_.Serve({service_.get()}, port);
  }
  AnnounceHubStats Stats() {
    AnnounceHubStats stats;
    loop_.RunAndWait([&] { stats = hub_->stats(); });
    return stats;
  }
  // How long it took until `condition` held; fails after `patience`.
  template <typename Condition>
  absl::Duration WaitFor(Condition condition, absl::Duration patience = rpc::kTestPatience) {
    const absl::Time start = absl::Now();
    while (!condition(Stats())) {
      if (absl::Now() - start > patience) {
        const AnnounceHubStats stats = Stats();
        ADD_FAILURE() << "after " << patience << ": " << stats.streams << " streams, "
                      << stats.peers << " peers, " << stats.silent << " silent";
        break;
      }
    }
    return absl::Now() - start;
  }
  static auto Entries(size_t count) {
    return [count](const AnnounceHubStats& stats) { return stats.peers == count; };
  }

  net::LoopThread loop_{"tracker"};
  std::unique_ptr<daemon::OriginAccess> access_;
  std::unique_ptr<AnnounceHub> hub_;
  std::unique_ptr<rpc::AnnounceService> service_;
  rpc::TestProcess tracker_{loop_};
};

// The entries' own lease is far longer: whoever is gone is gone because he fell silent.
TrackerServerConfig ShortTimeout() {
  TrackerServerConfig config;
  config.lease = absl::Minutes(10);
  config.peer_timeout = absl::Seconds(3);
  return config;
}
// The tracker looks each quarter of the timeout; the rest is for a busy machine.
constexpr absl::Duration kSeconds = absl::Seconds(10);

// A peer on a thread of its own.
struct ThreadedPeer {
  ThreadedPeer(const std::string& tracker, int port, int torrents = 1,
               absl::Duration interval = absl::Seconds(1)) {
    thread.RunAndWait([&] {
      peer = std::make_unique<SteadyPeer>(
          &thread.loop(),
          SteadyPeer::Options{
              .tracker = tracker, .port = port, .torrents = torrents, .interval = interval},
          SteadyPeer::Events{
              .on_connected = [this] { connected.Put(1); },
              .on_disconnected = [this](const absl::Status& status) { disconnected.Put(status); },
              .on_news = [this](rpc::v1::TorrentNews torrent) { news.Put(std::move(torrent)); }});
    });
  }
  ~ThreadedPeer() {
    thread.RunAndWait([this] { peer.reset(); });
  }

  rpc::Mailbox<int> connected;
  rpc::Mailbox<absl::Status> disconnected;
  rpc::Mailbox<rpc::v1::TorrentNews> news;
  net::LoopThread thread{"peer"};
  std::unique_ptr<SteadyPeer> peer;
};

std::vector<std::string> PeerCommand(const std::string& tracker, int port) {
  return {"kraken/tracker/steady_peer_process", tracker, absl::StrCat(port)};
}
bool WaitForConnects(const ChildProcess& process, size_t count) {
  return process.WaitForLines(
      ChildProcess::Stream::kStdout,
      [&](const std::vector<std::string>& lines) { return lines.size() >= count; },
      rpc::kTestPatience);
}

// Its kernel still takes what is sent to it, and no end of the connection ever comes.
TEST_F(LeaseTest, AStoppedProcessIsGoneWithinSecondsAndComesBackByItself) {
  StartTracker(ShortTimeout());
  const ThreadedPeer lives(tracker_.address(), 1001);
  auto process = ChildProcess::Start(PeerCommand(tracker_.address(), 1002));
  ASSERT_OK(process);
  ASSERT_TRUE(WaitForConnects(**process, 1));
  WaitFor(Entries(2));

  ASSERT_EQ(::kill((*process)->pid(), SIGSTOP), 0);
  EXPECT_LT(WaitFor(Entries(1)), kSeconds);
  EXPECT_GE(Stats().silent, 1u);
  WaitFor([](const AnnounceHubStats& stats) { return stats.streams == 1; });

  ASSERT_EQ(::kill((*process)->pid(), SIGCONT), 0);
  EXPECT_TRUE(WaitForConnects(**process, 2));
  WaitFor(Entries(2));
}

TEST_F(LeaseTest, AKilledProcessIsGoneAtOnce) {
  TrackerServerConfig config = ShortTimeout();
  config.peer_timeout = absl::Minutes(2);
  StartTracker(config);
  auto process = ChildProcess::Start(PeerCommand(tracker_.address(), 1002));
  ASSERT_OK(process);
  ASSERT_TRUE(WaitForConnects(**process, 1));
  WaitFor(Entries(1));
  (*process)->Kill();
  EXPECT_LT(WaitFor(Entries(0)), kSeconds);
  EXPECT_EQ(Stats().silent, 0u);
}

// gRPC's own threads go on to answer pings: only what the peer itself says can tell.
TEST_F(LeaseTest, APeerThatHangsWhileItsConnectionLivesIsGoneWithinSeconds) {
  StartTracker(ShortTimeout());
  const ThreadedPeer lives(tracker_.address(), 1001);
  ThreadedPeer hangs(tracker_.address(), 1002);
  WaitFor(Entries(2));
  auto go_on = std::make_shared<absl::Notification>();
  hangs.thread.loop().Post([go_on] { go_on->WaitForNotification(); });
  EXPECT_LT(WaitFor(Entries(1)), kSeconds);

  // Nobody is told of it any more.
  ThreadedPeer asks(tracker_.address(), 1003);
  const rpc::v1::TorrentNews told = asks.news.Wait(0);
  ASSERT_EQ(told.peers_size(), 1);
  EXPECT_EQ(told.peers(0).port(), 1001u);

  go_on->Notify();
  EXPECT_THAT(hangs.disconnected.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("trackerserver.peer_timeout")));
  WaitFor(Entries(3));
}

TEST_F(LeaseTest, APeerWithNothingToAnnounceStays) {
  StartTracker(ShortTimeout());
  ThreadedPeer idle(tracker_.address(), 1001, 1, absl::Minutes(5));
  ThreadedPeer hangs(tracker_.address(), 1002);
  WaitFor([](const AnnounceHubStats& stats) { return stats.streams == 2 && stats.peers == 1; });
  auto go_on = std::make_shared<absl::Notification>();
  hangs.thread.loop().Post([go_on] { go_on->WaitForNotification(); });
  // By when the other one is gone, one that says nothing at all would be gone too.
  WaitFor([](const AnnounceHubStats& stats) { return stats.silent >= 1 && stats.streams == 1; });
  EXPECT_EQ(Stats().silent, 1u);
  EXPECT_EQ(idle.disconnected.size(), 0u);
  go_on->Notify();
}

// All its peers have spoken meanwhile, and it could not hear.
TEST_F(LeaseTest, ATrackerThatWasAsleepBlamesNobody) {
  StartTracker(ShortTimeout());
  ThreadedPeer peer(tracker_.address(), 1001);
  WaitFor(Entries(1));
  loop_.RunAndWait([] {
    const absl::Time wake = absl::Now() + 2 * ShortTimeout().peer_timeout;
    while (absl::Now() < wake) absl::SleepFor(wake - absl::Now());
  });
  WaitFor(Entries(1));
  EXPECT_EQ(Stats().silent, 0u);
  EXPECT_EQ(peer.disconnected.size(), 0u);
}

TEST_F(LeaseTest, ARestartedTrackerKnowsEverythingAgainWithinOneLease) {
  constexpr int kTorrents = 50;
  constexpr size_t kPeers = 3;
  TrackerServerConfig config;
  config.lease = absl::Seconds(9);
  StartTracker(config);
  std::vector<std::unique_ptr<ThreadedPeer>> peers;
  for (size_t i = 0; i < kPeers; ++i) {
    // As often as the engine does, for such a lease.
    peers.push_back(std::make_unique<ThreadedPeer>(tracker_.address(), 1001 + static_cast<int>(i),
                                                   kTorrents, config.lease / 3));
  }
  WaitFor(Entries(kPeers * kTorrents));

  // As the process's death does.
  const int port = tracker_.grpc_port();
  tracker_.Stop();
  for (auto& peer : peers) EXPECT_FALSE(peer->disconnected.Wait(0).ok());
  StartTracker(config, port);
  EXPECT_LE(WaitFor(Entries(kPeers * kTorrents)), config.lease);
  EXPECT_EQ(Stats().swarms, static_cast<size_t>(kTorrents));
  EXPECT_EQ(Stats().streams, kPeers);
}

}  // namespace
}  // namespace kraken::tracker
