#include "harbor_bridge/reconcile/reconciler.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "harbor_bridge/reconcile/job_sink.h"
#include "harbor_bridge/reconcile/recording_sink.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/storage/job_queue.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using api::testing::FakeHarbor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Harbor MakeHarbor(const std::string& name, const std::string& host) {
  Harbor harbor;
  harbor.name = name;
  harbor.plain = std::make_shared<const re2::RE2>(host.empty() ? ".*" : "^$");
  harbor.host = host;
  return harbor;
}

// Harbor's clock: the machine's, or later.
class HarborClock final : public kraken::Clock {
 public:
  absl::Time Now() const override { return absl::Now() + absl::Seconds(ahead_s_.load()); }
  kraken::MonotonicTime MonotonicNow() const override {
    return kraken::SystemClock::Get().MonotonicNow();
  }
  void Advance(absl::Duration step) { ahead_s_ += absl::ToInt64Seconds(step); }

 private:
  std::atomic<int64_t> ahead_s_{0};
};

class ReconcilerTest : public ::testing::Test {
 protected:
  ReconcilerTest() {
    auto store = ReconcileStore::Open(kraken::MakeTestDir() + "/reconcile.db");
    EXPECT_OK(store);
    store_ = *std::move(store);
  }

  void Start(ReconcileOptions options) {
    std::vector<ReconcileTarget> targets;
    for (const Harbor& harbor : harbors_.all()) {
      FakeHarbor& fake = harbor.name == "eu" ? eu_ : us_;
      targets.push_back(
          {.harbor = &harbor,
           .api = std::make_shared<api::HarborClient>(
               api::HarborClientOptions{.name = harbor.name,
                                        .url = fake.url(),
                                        .credentials = api::testing::AdminCredentials()},
               &http_)});
    }
    options.requests_per_second = 0;
    if (options.trigger_spacing == ReconcileOptions().trigger_spacing) {
      options.trigger_spacing = absl::ZeroDuration();
    }
    reconciler_ =
        std::make_unique<Reconciler>(options, &harbors_, std::move(targets), store_.get(), &sink_,
                                     [this](const std::string& harbor, absl::Time begun) {
                                       absl::MutexLock lock(&mu_);
                                       begun_[harbor] = begun;
                                     });
    reconciler_->SetActive(active_);
    reconciler_->Start();
  }
  ReconcileStatus WaitFor(size_t index,
                          const std::function<bool(const ReconcileStatus&)>& condition) {
    while (true) {
      ReconcileStatus status = reconciler_->status()[index];
      if (condition(status)) return status;
      std::this_thread::yield();
    }
  }
  void WaitForRounds(size_t index, uint64_t rounds) {
    WaitFor(index, [rounds](const ReconcileStatus& status) {
      return !status.running && status.rounds >= rounds;
    });
  }

  HarborClock harbor_clock_;
  FakeHarbor eu_{{.clock = &harbor_clock_}};
  FakeHarbor us_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  Harbors harbors_{{MakeHarbor("eu", ""), MakeHarbor("us", "us.example")}};
  std::unique_ptr<ReconcileStore> store_;
  RecordingSink sink_;
  bool active_ = true;
  absl::Mutex mu_;
  std::map<std::string, absl::Time> begun_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<Reconciler> reconciler_;
};

TEST_F(ReconcilerTest, ASilentHarborHoldsUpNoOther) {
  eu_.Push("team/app", "v1", "one");
  eu_.Hang(true);
  us_.Push("team/app", "v1", "one");
  Start({});
  sink_.WaitForWork(1);
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("us/team/app:v1"));
  eu_.Hang(false);
  // Its connection was cut: it is tried again.
  reconciler_->Trigger("eu", "the test");
  sink_.WaitForWork(1);
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:v1"));
  http_.Shutdown();
  reconciler_->StopAndWait();
}

TEST_F(ReconcilerTest, AFaultIsNamedAndPasses) {
  us_.FailWith(503);
  Start({.retry_interval = absl::Milliseconds(1)});
  const ReconcileStatus status =
      WaitFor(1, [](const ReconcileStatus& s) { return s.failures >= 3; });
  EXPECT_EQ(status.harbor, "us");
  EXPECT_THAT(std::string(status.last_error.message()), HasSubstr("Harbor us"));
  us_.FailWith(0);
  us_.Push("team/app", "v1", "one");
  reconciler_->Trigger("us", "the test");
  sink_.WaitForWork(1);
  EXPECT_TRUE(WaitFor(1, [](const ReconcileStatus& s) { return s.rounds > 0; }).last_error.ok());
}

TEST_F(ReconcilerTest, ATriggerBringsARound) {
  Start({.on_start = false});
  EXPECT_EQ(reconciler_->status()[0].rounds, 0u);
  reconciler_->Trigger("eu", "take-over");
  WaitForRounds(0, 1);
  EXPECT_EQ(reconciler_->status()[0].last_reason, "take-over");
  reconciler_->Trigger("nobody", "no effect");
  reconciler_->TriggerAll("take-over");
  WaitForRounds(0, 2);
  WaitForRounds(1, 1);
}

TEST_F(ReconcilerTest, AFloodOfTriggersIsNoFloodOfRounds) {
  Start({.on_start = false, .trigger_spacing = absl::Hours(1)});
  reconciler_->Trigger("eu", "quarantine");
  WaitForRounds(0, 1);
  for (int i = 0; i < 100; ++i) reconciler_->Trigger("eu", "quarantine");
  reconciler_->Trigger("us", "quarantine");
  WaitForRounds(1, 1);
  reconciler_->StopAndWait();
  EXPECT_EQ(reconciler_->status()[0].rounds, 1u);
}

TEST_F(ReconcilerTest, LostEventsAreLookedForEverywhere) {
  eu_.Push("team/app", "v1", "one");
  eu_.Push("team/app", "v2", "two");
  Start({.full_interval = absl::Hours(24)});
  WaitForRounds(0, 1);
  sink_.TakeWork();
  // A push of a tag onto an image that is there already changes no push time of the image's.
  reconciler_->Trigger("eu", "quarantine");
  WaitForRounds(0, 2);
  ASSERT_OK_AND_ASSIGN(const RoundState round, store_->GetRound("eu"));
  EXPECT_TRUE(round.full);
  reconciler_->Trigger("eu", "quarantine");
  WaitForRounds(0, 3);
  ASSERT_OK_AND_ASSIGN(const RoundState next, store_->GetRound("eu"));
  EXPECT_FALSE(next.full) << "at most one an hour";
}

TEST_F(ReconcilerTest, AStandbyAsksNothingAndLooksBackToTheWatermarkWhenItTakesOver) {
  eu_.Push("team/app", "before", "one");
  active_ = false;
  Start({.interval = absl::Milliseconds(1)});
  reconciler_->Trigger("eu", "a registry was restarted");
  harbor_clock_.Advance(absl::Minutes(1));
  // Clocks may differ by the margin.
  const absl::Time done = harbor_clock_.Now() + Reconciler::kClockMargin;
  harbor_clock_.Advance(absl::Minutes(1));
  eu_.Push("team/app", "missed", "two");
  us_.Push("team/app", "missed", "three");
  EXPECT_EQ(eu_.request_count() + us_.request_count(), 0);
  reconciler_->TakeOver({{"eu", done}});
  WaitForRounds(0, 1);
  WaitForRounds(1, 1);
  std::vector<std::string> work = sink_.TakeWork();
  std::sort(work.begin(), work.end());
  // Without a watermark it looks back as at any first start.
  EXPECT_THAT(work, ElementsAre("eu/team/app:missed", "us/team/app:missed"));
}

TEST_F(ReconcilerTest, AfterATakeOverARoundThatWasUnderWayBeginsAnew) {
  // As exact as the store is.
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(absl::Now()));
  // As a former life left it: the first page of the project is done.
  ASSERT_OK(store_->PutRound("eu", {.number = 4, .open = true, .floor = now - absl::Hours(1)}));
  ASSERT_OK(store_->CommitPage(
      "eu", "team", {.watermark = now - absl::Hours(1), .round = 4, .ended = true, .newest = now},
      {}));
  eu_.Push("team/app", "missed", "two");
  active_ = false;
  Start({});
  reconciler_->TakeOver({{"eu", now}, {"us", now}});
  sink_.WaitForWork(1);
  EXPECT_THAT(sink_.TakeWork(), ElementsAre("eu/team/app:missed"));
  WaitForRounds(0, 1);
  ASSERT_OK_AND_ASSIGN(const RoundState round, store_->GetRound("eu"));
  EXPECT_EQ(reconciler_->status()[0].last_reason, "take-over");
  EXPECT_EQ(round.number, 5);
  EXPECT_EQ(round.floor, now - Reconciler::kClockMargin);
}

TEST_F(ReconcilerTest, ARoundUnderWayStopsWhenItMayRunNoMore) {
  eu_.Push("team/app", "v1", "one");
  eu_.Hang(true);
  Start({});
  while (eu_.request_count() == 0) std::this_thread::yield();
  reconciler_->SetActive(false);
  eu_.Hang(false);
  WaitFor(0, [](const ReconcileStatus& status) { return !status.running; });
  EXPECT_EQ(reconciler_->status()[0].failures, 0u);
  EXPECT_EQ(reconciler_->status()[0].rounds, 0u);
}

TEST_F(ReconcilerTest, TellsOfRoundsThatCouldReadEverything) {
  eu_.Push("team/app", "v1", "one");
  const absl::Time before = absl::Now();
  Start({});
  WaitForRounds(0, 1);
  const auto told = [this] {
    absl::MutexLock lock(&mu_);
    return begun_;
  };
  ASSERT_TRUE(told().contains("eu"));
  EXPECT_GE(told()["eu"], before);
  EXPECT_LE(told()["eu"], absl::Now());
}

TEST(JobSinkTest, WhatIsFoundWaitsBehindEvents) {
  kraken::storage::JobQueueOptions options;
  options.path = kraken::MakeTestDir() + "/jobs.db";
  ASSERT_OK_AND_ASSIGN(const auto queue, kraken::storage::JobQueue::Open(std::move(options)));
  JobSink sink(queue.get());
  const auto work = [](const char* tag) {
    return ImageWork{.harbor = "eu",
                     .repository = *kraken::RepositoryName::Parse("team/app"),
                     .reference = *kraken::Reference::Parse(tag)};
  };
  ASSERT_OK(sink.Enqueue({work("v1"), work("v2")}));
  ASSERT_OK(queue->EnqueueAndWait({.key = "event", .kind = "image/eu", .priority = 100}));
  ASSERT_OK_AND_ASSIGN(const auto jobs, queue->ClaimAndWait(3, "image/eu"));
  ASSERT_EQ(jobs.size(), 3u);
  EXPECT_EQ(jobs[0].key, "event");
  EXPECT_EQ(jobs[1].key, "eu/team/app:v1");
  EXPECT_OK(sink.OnTagGone(work("v1")));
}

}  // namespace
}  // namespace harbor_bridge
