#include "harbor_bridge/work/dispatcher.h"

#include <memory>
#include <string>
#include <vector>

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

  void Start(Dispatcher::Run run) {
    kraken::storage::JobQueueOptions options;
    options.path = dir_ + "/jobs.db";
    options.backoff = {.initial_interval = absl::Milliseconds(1),
                       .max_interval = absl::Milliseconds(2),
                       .max_retries = 5};
    ASSERT_OK_AND_ASSIGN(queue_, kraken::storage::JobQueue::Open(std::move(options)));
    loop_.RunAndWait([&] {
      dispatcher_ =
          std::make_unique<Dispatcher>(&loop_.loop(), queue_.get(), kWorkers, std::move(run));
      dispatcher_->Start();
    });
  }
  void Stop() {
    if (dispatcher_ == nullptr) return;
    dispatcher_->StopAndWait();
    loop_.RunAndWait([&] { dispatcher_.reset(); });
    queue_.reset();
  }
  void Put(const std::string& key) {
    ASSERT_OK(queue_->EnqueueAndWait({.key = key, .kind = "kind", .payload = "payload"}));
  }
  Job WaitFor(const std::string& key, JobState state) {
    while (true) {
      absl::StatusOr<Job> job = queue_->Get(key);
      EXPECT_OK(job);
      if (!job.ok() || job->state == state) return *std::move(job);
      std::this_thread::yield();
    }
  }
  DispatcherStats Stats() {
    DispatcherStats stats;
    loop_.RunAndWait([&] { stats = dispatcher_->stats(); });
    return stats;
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
  Start([&](const Job&, const kraken::registry::Cancellation&) {
    absl::MutexLock lock(&mu_);
    most = std::max(most, ++running);
    mu_.Await(absl::Condition(&open));
    --running;
    return absl::OkStatus();
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
  Start([&](const Job&, const kraken::registry::Cancellation&) -> absl::Status {
    absl::MutexLock lock(&mu_);
    if (++calls < 3) return absl::UnavailableError("not yet");
    return absl::OkStatus();
  });
  Put("job");
  EXPECT_EQ(WaitFor("job", JobState::kDone).attempts, 3);
  EXPECT_EQ(Stats().failed, 2u);
}

TEST_F(DispatcherTest, WhatCannotGetBetterIsDeadAtOnceAndSaysWhy) {
  Start([](const Job&, const kraken::registry::Cancellation&) {
    return absl::InvalidArgumentError("indexes nest too deep");
  });
  Put("job");
  const Job dead = WaitFor("job", JobState::kDead);
  EXPECT_EQ(dead.attempts, 1);
  EXPECT_THAT(dead.last_error, HasSubstr("indexes nest too deep"));
}

TEST_F(DispatcherTest, WhatRunsAtTheEndIsRunAgainAfterTheNextStart) {
  bool begun = false;
  Start([&](const Job&, const kraken::registry::Cancellation& stop) {
    absl::MutexLock lock(&mu_);
    begun = true;
    const auto stopped = [&] { return stop.cancelled(); };
    while (!stopped()) mu_.AwaitWithTimeout(absl::Condition(&stopped), absl::Milliseconds(1));
    return stop.status();
  });
  Put("job");
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&begun));
  }
  Stop();
  Start([](const Job&, const kraken::registry::Cancellation&) { return absl::OkStatus(); });
  WaitFor("job", JobState::kDone);
}

}  // namespace
}  // namespace harbor_bridge
