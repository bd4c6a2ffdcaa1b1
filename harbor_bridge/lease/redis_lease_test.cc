// Two bridges' hands on one lease, in a real redis-server.
#include "harbor_bridge/lease/redis_lease.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/write_epoch.h"

namespace harbor_bridge {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

constexpr absl::Duration kTtl = absl::Seconds(2);

// The machine's, until it stands still: as for a process that is stopped.
class StoppableClock final : public kraken::Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }
  kraken::MonotonicTime MonotonicNow() const override {
    return stopped_ ? at_ : kraken::SystemClock::Get().MonotonicNow();
  }
  void Stop() {
    at_ = MonotonicNow();
    stopped_ = true;
  }

 private:
  kraken::MonotonicTime at_;
  std::atomic<bool> stopped_{false};
};

// A bridge's lease on a loop of its own.
class Holder {
 public:
  Holder(const kraken::redis::TestRedis& redis, const std::string& bridge,
         const kraken::Clock& clock = kraken::SystemClock::Get()) {
    loop_.RunAndWait([&] {
      lease_ = std::make_unique<RedisLease>(&loop_.loop(),
                                            RedisLeaseOptions{.name = "eu",
                                                              .ttl = kTtl,
                                                              .redis = redis.options(),
                                                              .bridge = bridge,
                                                              .clock = &clock},
                                            [this](bool held) { changes_.Put(held); });
    });
  }
  ~Holder() { Die(); }

  RedisLease& lease() { return *lease_; }
  bool held() { return lease_->Epoch().ok(); }
  uint64_t epoch() {
    const auto epoch = lease_->Epoch();
    return epoch.ok() ? epoch->epoch() : 0;
  }
  // Until it has, or has not, the lease, as change number `index`.
  void WaitForChange(size_t index, bool held) { EXPECT_EQ(changes_.Wait(index), held); }
  template <typename Condition>
  void WaitFor(Condition condition) {
    const absl::Time begin = absl::Now();
    while (!condition(lease_->view())) {
      ASSERT_LT(absl::Now() - begin, kraken::rpc::kTestPatience) << lease_->view().Describe();
      std::this_thread::yield();
    }
  }
  // As with kill -9: nothing more is said to Redis.
  void Die() {
    loop_.RunAndWait([this] { lease_.reset(); });
  }
  void Release() {
    kraken::rpc::Mailbox<int> released;
    loop_.RunAndWait([&] { lease_->Release([&] { released.Put(1); }); });
    released.Wait(0);
  }
  void Put(const Watermarks& watermarks) {
    loop_.RunAndWait([&] { lease_->PutWatermarks(watermarks); });
  }
  absl::StatusOr<Watermarks> Get() {
    kraken::rpc::Mailbox<absl::StatusOr<Watermarks>> answers;
    loop_.RunAndWait([&] {
      lease_->GetWatermarks([&](absl::StatusOr<Watermarks> answer) { answers.Put(answer); });
    });
    return answers.Wait(0);
  }

 private:
  kraken::net::LoopThread loop_{"lease"};
  kraken::rpc::Mailbox<bool> changes_;
  std::unique_ptr<RedisLease> lease_;
};

class RedisLeaseTest : public ::testing::Test {
 protected:
  RedisLeaseTest() { redis_.Start(); }

  kraken::redis::TestRedis redis_;
};

TEST_F(RedisLeaseTest, OneHoldsItAndTheOtherKnowsWho) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  Holder b(redis_, "b:1");
  b.WaitFor([](const LeaseView& view) { return !view.holder.empty(); });
  const LeaseView view = b.lease().view();
  EXPECT_FALSE(view.held);
  EXPECT_THAT(view.holder, HasSubstr("a:1"));
  EXPECT_EQ(view.epoch, a.epoch());
  EXPECT_THAT(b.lease().Epoch(),
              kraken::StatusIs(absl::StatusCode::kAborted, HasSubstr("standby: a:1")));
  EXPECT_THAT(a.lease().view().Describe(), HasSubstr("this bridge holds the lease \"eu\""));
  // It is renewed: its time passes twice.
  const absl::Time begin = absl::Now();
  while (absl::Now() - begin < 2 * kTtl) {
    ASSERT_TRUE(a.held() && !b.held());
    std::this_thread::yield();
  }
}

TEST_F(RedisLeaseTest, WhoDiesIsReplacedWithinTheTimeToLive) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  const uint64_t epoch = a.epoch();
  Holder b(redis_, "b:1");
  b.WaitFor([](const LeaseView& view) { return !view.holder.empty(); });
  a.Die();
  const absl::Time died = absl::Now();
  b.WaitForChange(0, true);
  // What the machine is late by is not the lease's.
  EXPECT_LT(absl::Now() - died, kTtl + absl::Seconds(2));
  EXPECT_GT(b.epoch(), epoch);
}

TEST_F(RedisLeaseTest, WhoLeavesIsReplacedAtOnce) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  const uint64_t epoch = a.epoch();
  a.Release();
  EXPECT_FALSE(a.held());
  Holder b(redis_, "b:1");
  b.WaitForChange(0, true);
  EXPECT_EQ(b.epoch(), epoch + 1);
}

TEST_F(RedisLeaseTest, APausedHolderIsReplacedAndItsOldEpochEndsItsTerm) {
  StoppableClock clock;
  Holder a(redis_, "a:1", clock);
  a.WaitForChange(0, true);
  clock.Stop();
  Holder b(redis_, "b:1");
  b.WaitForChange(0, true);
  // By its own clock it still holds it: it is for who it writes to, to know better.
  ASSERT_TRUE(a.held());
  ASSERT_LT(a.epoch(), b.epoch());
  const absl::Status refused = kraken::rpc::StaleEpochError(a.epoch(), "eu", b.epoch(), "");
  EXPECT_THAT(a.lease().Ended(refused), kraken::StatusIs(absl::StatusCode::kAborted));
  EXPECT_FALSE(a.held());
  a.WaitForChange(1, false);
  a.WaitFor([](const LeaseView& view) { return !view.holder.empty(); });
  EXPECT_TRUE(b.held());
}

TEST_F(RedisLeaseTest, WhoIsRefusedThoughItHoldsTheLeaseTakesItAnewUnderAHigherEpoch) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  const uint64_t seen = a.epoch() + 1000;
  const absl::Status refused = kraken::rpc::StaleEpochError(a.epoch(), "eu", seen, "");
  EXPECT_THAT(a.lease().Ended(refused), kraken::StatusIs(absl::StatusCode::kAborted));
  a.WaitFor([](const LeaseView& view) { return view.held; });
  EXPECT_EQ(a.epoch(), seen + 1);
  // Other errors are nothing to the lease.
  EXPECT_THAT(a.lease().Ended(absl::UnavailableError("down")),
              kraken::StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(a.held());
}

TEST_F(RedisLeaseTest, WithoutRedisTheHolderStopsInTimeAndGoesOnWhenItIsBackEmpty) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  const uint64_t epoch = a.epoch();
  redis_.Kill();
  const absl::Time killed = absl::Now();
  a.WaitFor([](const LeaseView& view) { return !view.problem.empty(); });
  EXPECT_TRUE(a.held()) << "it works on as long as the lease lasts";
  a.WaitForChange(1, false);
  EXPECT_LT(absl::Now() - killed, kTtl + absl::Seconds(1));
  redis_.Start();
  a.WaitForChange(2, true);
  EXPECT_GT(a.epoch(), epoch) << "though Redis knows nothing of it";
}

TEST_F(RedisLeaseTest, ARedisThatHangsForAMomentChangesNoEpoch) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  const uint64_t epoch = a.epoch();
  redis_.Stop();
  a.WaitForChange(1, false);
  redis_.Continue();
  a.WaitForChange(2, true);
  // Redis ran the clock of its keys out meanwhile, or it did not.
  EXPECT_THAT(a.epoch(), ::testing::AnyOf(epoch, epoch + 1));
}

TEST_F(RedisLeaseTest, WatermarksAreTheHoldersToWriteAndNeverGoBack) {
  Holder a(redis_, "a:1");
  a.WaitForChange(0, true);
  EXPECT_THAT(a.Get(), kraken::IsOkAndHolds(IsEmpty()));
  const absl::Time time = absl::FromUnixSeconds(1'700'000'000);
  a.Put({{"eu", time}, {"us", time}});
  a.Put({{"eu", time - absl::Hours(1)}, {"us", time + absl::Hours(1)}});
  EXPECT_THAT(a.Get(), kraken::IsOkAndHolds(
                           ElementsAre(Pair("eu", time), Pair("us", time + absl::Hours(1)))));
  Holder b(redis_, "b:1");
  b.WaitFor([](const LeaseView& view) { return !view.holder.empty(); });
  b.Put({{"eu", time + absl::Hours(2)}});
  EXPECT_THAT(b.Get(), kraken::IsOkAndHolds(
                           ElementsAre(Pair("eu", time), Pair("us", time + absl::Hours(1)))));
}

TEST_F(RedisLeaseTest, AHolderThatIsReplacedWritesNoWatermark) {
  StoppableClock clock;
  Holder a(redis_, "a:1", clock);
  a.WaitForChange(0, true);
  clock.Stop();
  Holder b(redis_, "b:1");
  b.WaitForChange(0, true);
  ASSERT_TRUE(a.held());
  a.Put({{"eu", absl::Now()}});
  EXPECT_THAT(a.Get(), kraken::IsOkAndHolds(IsEmpty()));
}

}  // namespace
}  // namespace harbor_bridge
