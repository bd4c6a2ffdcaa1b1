#include "harbor_bridge/work/dispatcher.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"

namespace harbor_bridge {
namespace {

using kraken::storage::Job;
using kraken::storage::JobState;
using ::testing::HasSubstr;

constexpr int kWorkers = 3;

class DispatcherTest : public ::testing::Test {
 protected:
  ~DispatcherTest() override { Stop(); }

  void Start(Dispatcher::Run run, std::vector<Lane> lanes = {{.kind = "kind", .slots = kWorkers}}) {
    kraken::storage::JobQueueOptions options;
    options.path = dir_ + "/jobs.db";
    options.backoff = {.initial_interval = absl::Milliseconds(1),
                       .max_interval = absl::Milliseconds(2),
                       .max_retries = 5};
    ASSERT_OK_AND_ASSIGN(queue_, kraken::storage::JobQueue::Open(std::move(options)));
    loop_.RunAndWait([&] {
      dispatcher_ = std::make_unique<Dispatcher>(&loop_.loop(), queue_.get(), std::move(lanes),
                                                 std::move(run));
      dispatcher_->Start();
    });
  }
  void Stop() {
    if (dispatcher_ == nullptr) return;
    dispatcher_->StopAndWait();
    loop_.RunAndWait([&] { dispatcher_.reset(); });
    queue_.reset();
  }
  void Put(const std::string& key, const std::string& kind = "kind") {
    ASSERT_OK(queue_->EnqueueAndWait({.key = key, .kind = kind, .payload = "payload"}));
  }
  Job WaitFor(const std::string& key, JobState state) {
    while (true) {
      absl::StatusOr<Job> job = queue_->Get(key);
      EXPECT_OK(job);
      if (!job.ok() || job->state == state) return *std::move(job);
      std::this_thread::yield();
    }
  }
  LaneStats Stats(size_t lane = 0) {
    LaneStats stats;
    loop_.RunAndWait([&] { stats = dispatcher_->stats()[lane]; });
    return stats;
  }
  // Blocks a job until its cancellation; to be called with mu_ held.
  absl::Status WaitForCancellation(const kraken::registry::Cancellation& cancellation)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    while (!cancellation.cancelled()) {
      const bool never = false;
      mu_.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(1));
    }
    return cancellation.status();
  }

  const std::string dir_ = kraken::MakeTestDir();
  kraken::net::LoopThread loop_{"control"};
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<Dispatcher> dispatcher_;
  absl::Mutex mu_;
};

TEST_F(DispatcherTest, RunsAsManyAtATimeAsItMay) {
  int running = 0;
  int most = 0;
  bool open = false;
  Start([&](const Job&, const kraken::registry::Cancellation&) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    most = std::max(most, ++running);
    mu_.Await(absl::Condition(&open));
    --running;
    return "";
  });
  for (int i = 0; i < 10; ++i) Put(absl::StrCat("job ", i));
  {
    absl::MutexLock lock(&mu_);
    const auto all_busy = [&] { return running == kWorkers; };
    mu_.Await(absl::Condition(&all_busy));
    open = true;
  }
  for (int i = 0; i < 10; ++i) WaitFor(absl::StrCat("job ", i), JobState::kDone);
  EXPECT_EQ(most, kWorkers);
  EXPECT_EQ(Stats().done, 10u);
}

TEST_F(DispatcherTest, AFailureIsTriedAgain) {
  int calls = 0;
  Start([&](const Job&, const kraken::registry::Cancellation&) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    if (++calls < 3) return absl::UnavailableError("not yet");
    return "7 blobs";
  });
  Put("job");
  const Job done = WaitFor("job", JobState::kDone);
  EXPECT_EQ(done.attempts, 3);
  EXPECT_EQ(done.result, "7 blobs");
  EXPECT_EQ(Stats().failed, 2u);
}

TEST_F(DispatcherTest, WhatCannotGetBetterIsDeadAtOnceAndSaysWhy) {
  Start([](const Job&, const kraken::registry::Cancellation&) -> Dispatcher::Result {
    return absl::InvalidArgumentError("indexes nest too deep");
  });
  Put("job");
  const Job dead = WaitFor("job", JobState::kDead);
  EXPECT_EQ(dead.attempts, 1);
  EXPECT_THAT(dead.last_error, HasSubstr("indexes nest too deep"));
}

TEST_F(DispatcherTest, WhileItMayNotWorkNothingRunsAndNothingIsCounted) {
  int begun = 0;
  bool may_end = false;
  Start([&](const Job&, const kraken::registry::Cancellation& stop) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    ++begun;
    if (may_end) return "done";
    return WaitForCancellation(stop);
  });
  Put("job");
  const auto has_begun = [&] { return begun > 0; };
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&has_begun));
    begun = 0;
  }
  loop_.RunAndWait([&] { dispatcher_->SetActive(false); });
  const Job waiting = WaitFor("job", JobState::kPending);
  EXPECT_EQ(waiting.attempts, 0);
  EXPECT_EQ(waiting.last_error, "");
  Put("later");
  EXPECT_EQ(queue_->Get("later")->state, JobState::kPending);
  EXPECT_EQ(Stats().failed, 0u);
  {
    absl::MutexLock lock(&mu_);
    EXPECT_EQ(begun, 0);
    may_end = true;
  }
  loop_.RunAndWait([&] { dispatcher_->SetActive(true); });
  EXPECT_EQ(WaitFor("job", JobState::kDone).attempts, 1);
  WaitFor("later", JobState::kDone);
}

TEST_F(DispatcherTest, WhatThisBridgeMayNotDoWaitsAsBefore) {
  int calls = 0;
  Start([&](const Job&, const kraken::registry::Cancellation&) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    // More often than a job may fail.
    if (++calls < 20) return absl::AbortedError("standby");
    return "";
  });
  Put("job");
  EXPECT_EQ(WaitFor("job", JobState::kDone).attempts, 1);
  EXPECT_EQ(Stats().failed, 0u);
}

TEST_F(DispatcherTest, WhatRunsAtTheEndIsRunAgainAfterTheNextStart) {
  bool begun = false;
  Start([&](const Job&, const kraken::registry::Cancellation& stop) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    begun = true;
    return WaitForCancellation(stop);
  });
  Put("job");
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&begun));
  }
  Stop();
  Start([](const Job&, const kraken::registry::Cancellation&) { return ""; });
  WaitFor("job", JobState::kDone);
}

TEST_F(DispatcherTest, AHarborThatHangsDelaysNobodyElse) {
  int hanging = 0;
  bool open = false;
  Start(
      [&](const Job& job, const kraken::registry::Cancellation&) -> Dispatcher::Result {
        if (job.kind != "hangs") return "";
        absl::MutexLock lock(&mu_);
        ++hanging;
        mu_.Await(absl::Condition(&open));
        return "";
      },
      {{.kind = "hangs", .slots = 2}, {.kind = "works", .slots = 1}});
  for (int i = 0; i < 20; ++i) Put(absl::StrCat("stuck ", i), "hangs");
  {
    absl::MutexLock lock(&mu_);
    const auto full = [&] { return hanging == 2; };
    mu_.Await(absl::Condition(&full));
  }
  for (int i = 0; i < 20; ++i) Put(absl::StrCat("good ", i), "works");
  for (int i = 0; i < 20; ++i) WaitFor(absl::StrCat("good ", i), JobState::kDone);
  EXPECT_EQ(Stats(0).running, 2);
  EXPECT_EQ(Stats(0).done, 0u);
  EXPECT_EQ(Stats(1).done, 20u);
  {
    absl::MutexLock lock(&mu_);
    open = true;
  }
  Stop();
}

TEST_F(DispatcherTest, ACancelledJobIsDeadAndSaysSo) {
  bool begun = false;
  Start([&](const Job&, const kraken::registry::Cancellation& cancellation) -> Dispatcher::Result {
    absl::MutexLock lock(&mu_);
    begun = true;
    return WaitForCancellation(cancellation);
  });
  EXPECT_FALSE(dispatcher_->Cancel("job"));
  Put("job");
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&begun));
  }
  EXPECT_TRUE(dispatcher_->Cancel("job"));
  EXPECT_THAT(WaitFor("job", JobState::kDead).last_error, HasSubstr("by an operator"));
  EXPECT_FALSE(dispatcher_->Cancel("job"));
}

TEST_F(DispatcherTest, TheHighestPriorityGoesFirst) {
  std::vector<std::string> order;
  Start(
      [&](const Job& job, const kraken::registry::Cancellation&) -> Dispatcher::Result {
        absl::MutexLock lock(&mu_);
        order.push_back(job.key);
        const auto all_are_in = [&] { return order.size() > 1 || queue_->Stats()->pending == 3; };
        while (!all_are_in()) {
          const bool never = false;
          mu_.AwaitWithTimeout(absl::Condition(&never), absl::Milliseconds(1));
        }
        return "";
      },
      {{.kind = "kind", .slots = 1}});
  Put("first");
  {
    absl::MutexLock lock(&mu_);
    const auto begun = [&] { return order.size() == 1; };
    mu_.Await(absl::Condition(&begun));
  }
  for (const auto& [key, priority] :
       {std::pair("look around", 10), std::pair("event", 100), std::pair("preheat", 300)}) {
    ASSERT_OK(
        queue_->EnqueueAndWait({.key = key, .kind = "kind", .payload = "", .priority = priority}));
  }
  WaitFor("look around", JobState::kDone);
  absl::MutexLock lock(&mu_);
  EXPECT_THAT(order, testing::ElementsAre("first", "preheat", "event", "look around"));
}

}  // namespace
}  // namespace harbor_bridge
