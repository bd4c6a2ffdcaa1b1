// Two bridges' queues and reconciliation, a Harbor with an API, and a real redis-server: who works,
// and what of the other's work it does.
#include "harbor_bridge/lease/tenure.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/numbers.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "harbor_bridge/reconcile/job_sink.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/loop_thread.h"
#include "kraken/redis/redis_client.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/rpc_test_util.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using api::testing::FakeHarbor;
using kraken::storage::JobState;

constexpr absl::Duration kTtl = absl::Seconds(2);

// Harbor's clock, and the hosts': the machine's, or later.
class LaterClock final : public kraken::Clock {
 public:
  absl::Time Now() const override {
    absl::MutexLock lock(&mu_);
    return absl::Now() + later_;
  }
  kraken::MonotonicTime MonotonicNow() const override {
    return kraken::SystemClock::Get().MonotonicNow();
  }
  void Advance(absl::Duration step) {
    absl::MutexLock lock(&mu_);
    later_ += step;
  }

 private:
  mutable absl::Mutex mu_;
  absl::Duration later_ ABSL_GUARDED_BY(mu_);
};

// A bridge, without what is around its work: jobs are done as soon as they run.
class TestBridge {
 public:
  TestBridge(const kraken::redis::TestRedis& redis, const FakeHarbor& fake, LaterClock* clock,
             const std::string& name) {
    const std::string directory = kraken::MakeTestDir();
    auto queue = kraken::storage::JobQueue::Open({.path = directory + "/jobs.db"});
    EXPECT_OK(queue);
    queue_ = *std::move(queue);
    auto store = ReconcileStore::Open(directory + "/reconcile.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
    sink_ = std::make_unique<JobSink>(queue_.get());
    loop_.RunAndWait([&] {
      Tenure::Options options;
      options.lease.name = "eu";
      options.lease.ttl = kTtl;
      options.lease.redis = redis.options();
      options.lease.bridge = name;
      options.harbors = {"eu"};
      options.look_back = absl::Hours(24);
      options.watermark_interval = absl::Milliseconds(1);
      tenure_ = std::make_unique<Tenure>(&loop_.loop(), std::move(options), queue_.get());
      dispatcher_ = std::make_unique<Dispatcher>(
          &loop_.loop(), queue_.get(), std::vector<Lane>{{.kind = LaneOf("eu"), .slots = 2}},
          [this](const kraken::storage::Job& job, const kraken::registry::Cancellation&) {
            absl::MutexLock lock(&mu_);
            done_.insert(job.key);
            return Dispatcher::Result("done");
          });
      ReconcileOptions reconcile;
      reconcile.interval = absl::Milliseconds(50);
      reconcile.trigger_spacing = absl::ZeroDuration();
      reconcile.requests_per_second = 0;
      std::vector<ReconcileTarget> targets;
      targets.push_back(
          {.harbor = &harbors_.all()[0],
           .api = std::make_shared<api::HarborClient>(
               api::HarborClientOptions{.name = "eu",
                                        .url = fake.url(),
                                        .credentials = api::testing::AdminCredentials()},
               &http_)});
      reconciler_ = std::make_unique<Reconciler>(
          reconcile, &harbors_, std::move(targets), store_.get(), sink_.get(),
          [this](const std::string& harbor, absl::Time begun) { tenure_->OnRound(harbor, begun); },
          clock);
      tenure_->Drive(dispatcher_.get(), reconciler_.get());
      dispatcher_->Start();
      reconciler_->Start();
    });
  }
  ~TestBridge() {
    Die();
    http_.Shutdown();
  }

  // As with kill -9: its disk stays, and it says no more to Redis.
  void Die() {
    if (tenure_ == nullptr) return;
    tenure_->Stop();
    reconciler_->StopAndWait();
    dispatcher_->StopAndWait();
    loop_.RunAndWait([this] {
      dispatcher_.reset();
      tenure_.reset();
    });
  }

  // An event that it was told.
  void Tell(const std::string& tag) {
    ASSERT_OK(queue_->EnqueueAndWait(ImageWork{.harbor = "eu",
                                               .repository = *kraken::RepositoryName::Parse("a/b"),
                                               .reference = *kraken::Reference::Parse(tag)}
                                         .ToJob(kEventPriority)));
  }
  // Until it has done these jobs, and no others.
  void WaitForDone(const std::set<std::string>& keys) {
    WaitFor([&] {
      absl::MutexLock lock(&mu_);
      return done_ == keys;
    });
  }
  std::set<std::string> done() {
    absl::MutexLock lock(&mu_);
    return done_;
  }
  bool held() { return tenure_->view().held; }
  void WaitForLease() {
    WaitFor([this] { return held(); });
  }
  kraken::storage::JobQueue& queue() { return *queue_; }
  ReconcileStatus status() { return reconciler_->status()[0]; }

  template <typename Condition>
  static void WaitFor(Condition condition) {
    const absl::Time begin = absl::Now();
    while (!condition()) {
      ASSERT_LT(absl::Now() - begin, kraken::rpc::kTestPatience);
      std::this_thread::yield();
    }
  }

 private:
  static std::vector<Harbor> OneHarbor() {
    std::vector<Harbor> harbors(1);
    harbors[0].name = "eu";
    harbors[0].plain = std::make_shared<const re2::RE2>(".*");
    return harbors;
  }

  absl::Mutex mu_;
  std::set<std::string> done_ ABSL_GUARDED_BY(mu_);
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  Harbors harbors_{OneHarbor()};
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<ReconcileStore> store_;
  std::unique_ptr<JobSink> sink_;
  kraken::net::LoopThread loop_{"bridge"};
  std::unique_ptr<Tenure> tenure_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<Dispatcher> dispatcher_;
};

class TenureTest : public ::testing::Test {
 protected:
  TenureTest() {
    redis_.Start();
    loop_.RunAndWait([this] {
      client_ = std::make_unique<kraken::redis::RedisClient>(&loop_.loop(), redis_.options(),
                                                             kraken::redis::RedisClient::Events());
    });
  }
  ~TenureTest() override {
    loop_.RunAndWait([this] { client_.reset(); });
  }

  // What is written down beside the lease.
  absl::Time Watermark() {
    kraken::rpc::Mailbox<std::string> answers;
    bool sent = false;
    loop_.RunAndWait([&] {
      sent = client_->Send({"HGET", "kraken-harbor:lease:{eu}:watermarks", "eu"},
                           [&](const absl::StatusOr<kraken::redis::RedisValue>& answer) {
                             answers.Put(answer.ok() ? answer->text : "");
                           });
    });
    int64_t millis = 0;
    if (!sent || !absl::SimpleAtoi(answers.Wait(0), &millis)) return absl::InfinitePast();
    return absl::FromUnixMillis(millis);
  }

  kraken::redis::TestRedis redis_;
  kraken::net::LoopThread loop_{"redis"};
  std::unique_ptr<kraken::redis::RedisClient> client_;
  LaterClock clock_;
  FakeHarbor harbor_{{.clock = &clock_}};
};

TEST_F(TenureTest, AStandbyDoesNothingAndThenWhatIsLeftAndNoMore) {
  harbor_.Push("a/b", "early", "one");
  TestBridge a(redis_, harbor_, &clock_, "a:1");
  a.WaitForDone({"eu/a/b:early"});
  TestBridge b(redis_, harbor_, &clock_, "b:1");
  // Long after what was done, so that it is not looked at again.
  clock_.Advance(absl::Hours(1));
  const absl::Time done = clock_.Now() - absl::Milliseconds(1);
  TestBridge::WaitFor([&] { return Watermark() >= done; });
  b.Tell("told");
  EXPECT_EQ(b.queue().Get("eu/a/b:told")->state, JobState::kPending);
  EXPECT_EQ(b.status().requests, 0u);

  a.Die();
  clock_.Advance(absl::Minutes(1));
  harbor_.Push("a/b", "missed", "two");
  EXPECT_TRUE(b.done().empty());
  b.WaitForLease();
  b.WaitForDone({"eu/a/b:told", "eu/a/b:missed"});
  const uint64_t more = b.status().rounds;
  TestBridge::WaitFor([&] { return b.status().rounds > more; });
  EXPECT_EQ(b.done().size(), 2u) << "what was done before it was in office is done";
}

TEST_F(TenureTest, WhoLosesTheLeaseRestsAndGoesOnWhenItIsBack) {
  TestBridge a(redis_, harbor_, &clock_, "a:1");
  a.WaitForLease();
  redis_.Kill();
  TestBridge::WaitFor([&] { return !a.held(); });
  a.Tell("later");
  harbor_.Push("a/b", "missed", "two");
  redis_.Start();
  a.WaitForDone({"eu/a/b:later", "eu/a/b:missed"});
}

}  // namespace
}  // namespace harbor_bridge
