// Two trackers and a real redis-server between them.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/redis_peer_store.h"
#include "kraken/tracker/steady_peer.h"

namespace kraken::tracker {
namespace {

using ::testing::Contains;

// A tracker in a thread, with its own connections to Redis.
class TestTracker {
 public:
  TestTracker(const redis::TestRedis& redis, const TrackerServerConfig& config) {
    loop_.RunAndWait([&] {
      access_ = std::make_unique<daemon::OriginAccess>(&loop_.loop(),
                                                       std::vector<std::string>{"127.0.0.1:1"},
                                                       /*max_replica=*/3);
      hub_ = std::make_unique<AnnounceHub>(&loop_.loop(), &access_->client, access_->cluster.get(),
                                           config);
      RedisPeerStoreOptions options;
      options.redis = redis.options();
      options.redis.reply_timeout = absl::Seconds(2);
      options.lease = config.lease;
      store_ = std::make_unique<RedisPeerStore>(&loop_.loop(), options, hub_.get());
      hub_->SetStore(store_.get());
      service_ = std::make_unique<rpc::AnnounceService>(loop_.loop().handle(), hub_.get());
    });
    process_.Serve({service_.get()});
  }
  ~TestTracker() { Stop(); }

  // As the process ends when it is told to; a death differs in that nothing more is said to Redis,
  // which is so here too.
  void Stop() {
    if (hub_ == nullptr) return;
    loop_.RunAndWait([this] { hub_->EndStreams(); });
    process_.Stop();
    loop_.RunAndWait([this] {
      store_.reset();
      service_.reset();
      hub_.reset();
      access_.reset();
    });
  }

  const std::string& address() const { return process_.address(); }
  struct Stats {
    AnnounceHubStats hub;
    PeerStoreStats store;
  };
  Stats stats() {
    Stats stats;
    loop_.RunAndWait([&] { stats = {hub_->stats(), store_->stats()}; });
    return stats;
  }
  template <typename Condition>
  void WaitFor(Condition condition) {
    const absl::Time start = absl::Now();
    while (!condition(stats())) {
      if (absl::Now() - start > rpc::kTestPatience) {
        const Stats now = stats();
        ADD_FAILURE() << now.hub.peers << " peers, store " << (now.store.up ? "up" : "down") << ", "
                      << now.store.written << " written, " << now.store.failures << " failures";
        return;
      }
    }
  }
  void WaitForRedis(bool up) {
    WaitFor([up](const Stats& stats) { return stats.store.up == up; });
  }
  void WaitForEntries(size_t count) {
    WaitFor([count](const Stats& stats) { return stats.hub.peers == count; });
  }

 private:
  net::LoopThread loop_{"tracker"};
  std::unique_ptr<daemon::OriginAccess> access_;
  std::unique_ptr<AnnounceHub> hub_;
  std::unique_ptr<RedisPeerStore> store_;
  std::unique_ptr<rpc::AnnounceService> service_;
  rpc::TestProcess process_{loop_};
};

// A peer in a thread, which keeps what it is told.
class TestPeer {
 public:
  TestPeer(const TestTracker& tracker, int port, absl::Duration interval = absl::Seconds(1),
           int torrents = 1) {
    thread_.RunAndWait([&] {
      peer_ = std::make_unique<SteadyPeer>(
          &thread_.loop(),
          SteadyPeer::Options{.tracker = tracker.address(),
                              .port = port,
                              .torrents = torrents,
                              .interval = interval},
          SteadyPeer::Events{.on_news = [this](const rpc::v1::TorrentNews& news) {
            for (const rpc::v1::Peer& peer : news.peers()) told_.Put(peer.port());
          }});
    });
  }
  ~TestPeer() {
    thread_.RunAndWait([this] { peer_.reset(); });
  }

  // The peer that it was told of first.
  uint32_t WaitForFirst() { return told_.Wait(0); }
  bool is_told() { return told_.size() > 0; }

 private:
  net::LoopThread thread_{"peer"};
  rpc::Mailbox<uint32_t> told_;
  std::unique_ptr<SteadyPeer> peer_;
};

class SharedSwarmsTest : public ::testing::Test {
 protected:
  static TrackerServerConfig Config(absl::Duration lease = absl::Seconds(6)) {
    TrackerServerConfig config;
    config.lease = lease;
    return config;
  }
  // Nothing runs out, and nothing is asked for again.
  static TrackerServerConfig LongLease() { return Config(absl::Minutes(10)); }

  redis::TestRedis redis_;
};

TEST_F(SharedSwarmsTest, APeerIsToldOfThoseAtOtherTrackersBothWays) {
  redis_.Start();
  TestTracker a(redis_, LongLease());
  TestTracker b(redis_, LongLease());
  a.WaitForRedis(true);
  b.WaitForRedis(true);
  TestPeer first(a, 1001);
  a.WaitFor([](const TestTracker::Stats& stats) { return stats.store.written > 0; });
  TestPeer second(b, 1002);
  EXPECT_EQ(second.WaitForFirst(), 1001u) << "loaded";
  EXPECT_EQ(first.WaitForFirst(), 1002u);
  a.WaitFor([](const TestTracker::Stats& stats) { return stats.store.heard > 0; });
}

// As all agents are: connected to every tracker, announcing each torrent to one.
TEST_F(SharedSwarmsTest, APeerThatAnnouncesElsewhereCountsThoughItIsConnectedHereToo) {
  redis_.Start();
  TestTracker a(redis_, LongLease());
  TestTracker b(redis_, LongLease());
  a.WaitForRedis(true);
  b.WaitForRedis(true);
  const TestPeer at_both(b, 1001, absl::Seconds(1), /*torrents=*/0);
  b.WaitFor([](const TestTracker::Stats& stats) { return stats.hub.streams == 1; });
  TestPeer second(b, 1002);
  b.WaitForEntries(1);
  {
    const TestPeer announces(a, 1001);
    EXPECT_EQ(second.WaitForFirst(), 1001u);
    b.WaitForEntries(2);
  }
  b.WaitForEntries(1);
}

TEST_F(SharedSwarmsTest, WhoLeavesOneTrackerIsGoneFromTheOther) {
  redis_.Start();
  TestTracker a(redis_, LongLease());
  TestTracker b(redis_, LongLease());
  a.WaitForRedis(true);
  b.WaitForRedis(true);
  const TestPeer stays(b, 1002);
  b.WaitForEntries(1);
  {
    const TestPeer leaves(a, 1001);
    b.WaitForEntries(2);
  }
  b.WaitForEntries(1);
}

TEST_F(SharedSwarmsTest, ARestartedTrackerKnowsPeersThatHaveNotAnnouncedAgain) {
  redis_.Start();
  auto before = std::make_unique<TestTracker>(redis_, Config(absl::Seconds(2)));
  before->WaitForRedis(true);
  auto gone = std::make_unique<TestPeer>(*before, 1001);
  before->WaitFor([](const TestTracker::Stats& stats) { return stats.store.written > 0; });
  before->Stop();
  TestTracker after(redis_, Config(absl::Seconds(2)));
  after.WaitForRedis(true);
  TestPeer asks(after, 1002);
  EXPECT_EQ(asks.WaitForFirst(), 1001u);
  after.WaitForEntries(2);
  // And forgets it when nobody vouches for it any more.
  after.WaitForEntries(1);
}

TEST_F(SharedSwarmsTest, WithoutRedisATrackerWorksAndSharesLater) {
  TestTracker a(redis_, Config());
  TestTracker b(redis_, Config());
  TestPeer first(a, 1001);
  TestPeer second(a, 1002);
  a.WaitForEntries(2);
  TestPeer third(b, 1003);
  b.WaitForEntries(1);
  EXPECT_FALSE(a.stats().store.up);
  a.WaitFor([](const TestTracker::Stats& stats) {
    return stats.store.failures > 0 && stats.store.dropped > 0;
  });
  EXPECT_FALSE(third.is_told());

  redis_.Start();
  a.WaitForEntries(3);
  b.WaitForEntries(3);
  third.WaitForFirst();
}

TEST_F(SharedSwarmsTest, RedisMayDieAndComeBackEmpty) {
  redis_.Start();
  TestTracker a(redis_, Config());
  TestTracker b(redis_, Config());
  a.WaitForRedis(true);
  b.WaitForRedis(true);
  const TestPeer first(a, 1001);
  const TestPeer second(b, 1002);
  a.WaitForEntries(2);
  b.WaitForEntries(2);
  redis_.Kill();
  a.WaitForRedis(false);
  b.WaitForRedis(false);
  TestPeer third(a, 1003);
  EXPECT_THAT((std::vector<uint32_t>{1001, 1002}), Contains(third.WaitForFirst()));
  EXPECT_EQ(a.stats().hub.refused + a.stats().hub.silent, 0u);

  redis_.Start();
  b.WaitForEntries(3);
  a.WaitForEntries(3);
}

// The announce path never waits for it.
TEST_F(SharedSwarmsTest, ARedisThatHangsHoldsNobodyUp) {
  redis_.Start();
  TestTracker a(redis_, Config());
  a.WaitForRedis(true);
  redis_.Stop();
  TestPeer first(a, 1001);
  a.WaitForEntries(1);
  TestPeer second(a, 1002);
  EXPECT_EQ(second.WaitForFirst(), 1001u);
  a.WaitForRedis(false);
  redis_.Continue();
  a.WaitForRedis(true);
}

}  // namespace
}  // namespace kraken::tracker
