#include "kraken/storage/job_queue.h"

#include <atomic>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/random.h"
#include "kraken/base/test_util.h"

namespace kraken::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class JobQueueTest : public testing::Test {
 protected:
  JobQueueTest() {
    options_.path = MakeTestDir() + "/jobs.db";
    options_.clock = &clock_;
    options_.random = &random_;
    options_.backoff = {.initial_interval = absl::Seconds(1),
                        .multiplier = 2,
                        .max_interval = absl::Seconds(60),
                        .randomization_factor = 0,
                        .max_retries = 3};
    Open();
  }

  void Open() {
    queue_ = nullptr;
    ASSERT_OK_AND_ASSIGN(queue_, JobQueue::Open(options_));
  }
  void Put(std::string key, int priority = 0, std::string payload = "payload") {
    ASSERT_OK(queue_->EnqueueAndWait({.key = std::move(key),
                                      .kind = "kind",
                                      .payload = std::move(payload),
                                      .priority = priority}));
  }
  std::vector<Job> Claim(int limit = 10, std::string kind = "") {
    absl::StatusOr<std::vector<Job>> jobs = queue_->ClaimAndWait(limit, std::move(kind));
    EXPECT_OK(jobs);
    return jobs.ok() ? *std::move(jobs) : std::vector<Job>();
  }
  std::vector<std::string> ClaimedKeys(int limit = 10, std::string kind = "") {
    std::vector<std::string> keys;
    for (const Job& job : Claim(limit, std::move(kind))) keys.push_back(job.key);
    return keys;
  }
  Job Get(const std::string& key) {
    absl::StatusOr<Job> job = queue_->Get(key);
    EXPECT_OK(job);
    return job.ok() ? *std::move(job) : Job();
  }

  ManualClock clock_;
  SeededBitGen random_{1};
  JobQueueOptions options_;
  std::unique_ptr<JobQueue> queue_;
};

TEST_F(JobQueueTest, JobIsClaimedOnceAndDoneOnce) {
  Put("a", 5, std::string("\0\1", 2));
  const std::vector<Job> claimed = Claim();
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(claimed[0].key, "a");
  EXPECT_EQ(claimed[0].kind, "kind");
  EXPECT_EQ(claimed[0].payload, std::string("\0\1", 2));
  EXPECT_EQ(claimed[0].priority, 5);
  EXPECT_EQ(claimed[0].attempts, 1);
  EXPECT_EQ(claimed[0].enqueued_at, clock_.Now());
  EXPECT_EQ(Get("a").state, JobState::kRunning);
  EXPECT_THAT(Claim(), IsEmpty());
  ASSERT_OK(queue_->CompleteAndWait("a", claimed[0].claim_id, ""));
  EXPECT_EQ(Get("a").state, JobState::kDone);
  EXPECT_THAT(queue_->CompleteAndWait("a", claimed[0].claim_id, ""),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Claim(), IsEmpty());
}

TEST_F(JobQueueTest, HigherPriorityFirstThenLongerDue) {
  Put("late", 1);
  clock_.Advance(absl::Seconds(1));
  Put("later", 1);
  Put("urgent", 9);
  Put("idle", -1);
  EXPECT_THAT(ClaimedKeys(2), ElementsAre("urgent", "late"));
  EXPECT_THAT(ClaimedKeys(), ElementsAre("later", "idle"));
}

TEST_F(JobQueueTest, KindsAreClaimedApart) {
  ASSERT_OK(queue_->EnqueueAndWait({.key = "p", .kind = "prefetch", .payload = ""}));
  ASSERT_OK(queue_->EnqueueAndWait({.key = "t", .kind = "tag", .payload = ""}));
  EXPECT_THAT(ClaimedKeys(10, "tag"), ElementsAre("t"));
  EXPECT_THAT(ClaimedKeys(10, "tag"), IsEmpty());
  EXPECT_THAT(ClaimedKeys(), ElementsAre("p"));
}

TEST_F(JobQueueTest, SameKeyMergesToNewestPayloadHigherPriorityEarlierTime) {
  ASSERT_OK(queue_->EnqueueAndWait({.key = "a",
                                    .kind = "old",
                                    .payload = "old",
                                    .priority = 5,
                                    .not_before = clock_.Now() + absl::Hours(1)}));
  ASSERT_OK(queue_->EnqueueAndWait({.key = "a",
                                    .kind = "new",
                                    .payload = "new",
                                    .priority = 1,
                                    .not_before = clock_.Now() + absl::Hours(2)}));
  EXPECT_THAT(Claim(), IsEmpty());
  clock_.Advance(absl::Hours(1));
  const std::vector<Job> claimed = Claim();
  ASSERT_EQ(claimed.size(), 1u);
  EXPECT_EQ(claimed[0].payload, "new");
  EXPECT_EQ(claimed[0].kind, "new");
  EXPECT_EQ(claimed[0].priority, 5);
  EXPECT_EQ(queue_->Stats()->running, 1);
}

TEST_F(JobQueueTest, EnqueuedWhileRunningItRunsAgainWhateverTheEnd) {
  for (const bool succeed : {true, false}) {
    Put("a", 0, "first");
    const std::vector<Job> first = Claim();
    ASSERT_EQ(first.size(), 1u);
    Put("a", 0, "second");
    Put("a", 7, "third");
    EXPECT_TRUE(Get("a").superseded);
    EXPECT_THAT(Claim(), IsEmpty());  // never twice in flight
    if (succeed) {
      ASSERT_OK(queue_->CompleteAndWait("a", first[0].claim_id, ""));
    } else {
      ASSERT_OK(queue_->FailAndWait("a", first[0].claim_id, "no", /*retryable=*/false));
    }
    const std::vector<Job> again = Claim();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].payload, "third");
    EXPECT_EQ(again[0].priority, 7);
    EXPECT_EQ(again[0].attempts, 1);
    EXPECT_NE(again[0].claim_id, first[0].claim_id);
    EXPECT_THAT(queue_->CompleteAndWait("a", first[0].claim_id, ""),
                StatusIs(absl::StatusCode::kNotFound));
    ASSERT_OK(queue_->CompleteAndWait("a", again[0].claim_id, ""));
    EXPECT_EQ(Get("a").state, JobState::kDone);
  }
}

TEST_F(JobQueueTest, FailuresBackOffExponentiallyThenDie) {
  Put("a");
  for (const int wait_s : {1, 2, 4}) {
    const std::vector<Job> claimed = Claim();
    ASSERT_EQ(claimed.size(), 1u);
    ASSERT_OK(queue_->FailAndWait("a", claimed[0].claim_id, "503", /*retryable=*/true));
    EXPECT_EQ(Get("a").last_error, "503");
    EXPECT_THAT(queue_->NextDue(), IsOkAndHolds(clock_.Now() + absl::Seconds(wait_s)));
    clock_.Advance(absl::Seconds(wait_s) - absl::Nanoseconds(1));
    EXPECT_THAT(Claim(), IsEmpty());
    clock_.Advance(absl::Nanoseconds(1));
  }
  const std::vector<Job> last = Claim();
  ASSERT_EQ(last.size(), 1u);
  EXPECT_EQ(last[0].attempts, 4);
  ASSERT_OK(queue_->FailAndWait("a", last[0].claim_id, "503 for good", /*retryable=*/true));
  EXPECT_EQ(Get("a").state, JobState::kDead);
  EXPECT_EQ(Get("a").last_error, "503 for good");
  clock_.Advance(absl::Hours(1000));
  EXPECT_THAT(Claim(), IsEmpty());
}

TEST_F(JobQueueTest, BackoffHasJitter) {
  options_.backoff.randomization_factor = 0.5;
  Open();
  std::set<absl::Time> times;
  for (int i = 0; i < 10; ++i) {
    const std::string key = absl::StrCat(i);
    Put(key);
    const std::vector<Job> claimed = Claim();
    ASSERT_OK(queue_->FailAndWait(key, claimed[0].claim_id, "", true));
    const absl::Time next = Get(key).next_attempt;
    EXPECT_GE(next, clock_.Now() + absl::Milliseconds(500));
    EXPECT_LE(next, clock_.Now() + absl::Milliseconds(1500));
    times.insert(next);
  }
  EXPECT_GT(times.size(), 5u);
}

TEST_F(JobQueueTest, DeadJobsAreSeenAndMayBeRetriedOneOrAll) {
  for (const std::string key : {"a", "b", "c"}) {
    Put(key);
    const std::vector<Job> claimed = Claim();
    ASSERT_OK(queue_->FailAndWait(key, claimed[0].claim_id, "manifest unknown", false));
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<Job> dead, queue_->List(JobState::kDead, "", 10));
  ASSERT_EQ(dead.size(), 3u);
  EXPECT_EQ(dead[0].last_error, "manifest unknown");
  ASSERT_OK(queue_->RetryDeadAndWait("b"));
  EXPECT_THAT(queue_->RetryDeadAndWait("b"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ClaimedKeys(), ElementsAre("b"));
  ASSERT_OK(queue_->RetryDeadAndWait(""));
  EXPECT_THAT(queue_->RetryDeadAndWait(""), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ClaimedKeys(), ElementsAre("a", "c"));
  EXPECT_EQ(Get("a").attempts, 1);
}

TEST_F(JobQueueTest, DoneAndDeadJobsBeginAnewWhenEnqueued) {
  Put("done");
  ASSERT_OK(queue_->CompleteAndWait("done", Claim()[0].claim_id, ""));
  Put("dead");
  ASSERT_OK(queue_->FailAndWait("dead", Claim()[0].claim_id, "x", false));
  Put("done");
  Put("dead");
  const std::vector<Job> claimed = Claim();
  ASSERT_EQ(claimed.size(), 2u);
  EXPECT_EQ(claimed[0].attempts, 1);
  EXPECT_EQ(claimed[0].last_error, "");
}

TEST_F(JobQueueTest, AllSurvivesARestartAndRunningJobsArePendingAgain) {
  Put("running");
  Put("superseded", 0, "old");
  ASSERT_EQ(Claim().size(), 2u);
  Put("superseded", 0, "new");
  Put("pending");
  Open();
  EXPECT_EQ(queue_->Stats()->pending, 3);
  EXPECT_EQ(queue_->Stats()->running, 0);
  const std::vector<Job> claimed = Claim();
  ASSERT_EQ(claimed.size(), 3u);
  for (const Job& job : claimed) {
    EXPECT_EQ(job.attempts, job.key == "running" ? 2 : 1) << job.key;
    if (job.key == "superseded") {
      EXPECT_EQ(job.payload, "new");
    }
  }
}

TEST_F(JobQueueTest, JobThatEndsItsProcessEachTimeDies) {
  Put("poison");
  for (int i = 0; i < 4; ++i) {
    ASSERT_EQ(Claim().size(), 1u) << i;
    Open();
  }
  EXPECT_THAT(Claim(), IsEmpty());
  EXPECT_EQ(Get("poison").state, JobState::kDead);
  EXPECT_THAT(Get("poison").last_error, HasSubstr("process ended"));
}

TEST_F(JobQueueTest, StatsCountEveryState) {
  for (const std::string key : {"a", "b", "c", "d"}) Put(key);
  ASSERT_OK(queue_->EnqueueAndWait({.key = "later",
                                    .kind = "kind",
                                    .payload = "",
                                    .not_before = clock_.Now() + absl::Minutes(1)}));
  const std::vector<Job> claimed = Claim(3);
  ASSERT_OK(queue_->CompleteAndWait(claimed[0].key, claimed[0].claim_id, ""));
  ASSERT_OK(queue_->FailAndWait(claimed[1].key, claimed[1].claim_id, "", false));
  for (const bool reopened : {false, true}) {
    if (reopened) Open();
    ASSERT_OK_AND_ASSIGN(const JobQueueStats stats, queue_->Stats());
    EXPECT_EQ(stats.running, reopened ? 0 : 1);
    EXPECT_EQ(stats.pending, reopened ? 3 : 2);
    EXPECT_EQ(stats.due, reopened ? 2 : 1);
    EXPECT_EQ(stats.done, 1);
    EXPECT_EQ(stats.dead, 1);
  }
}

TEST_F(JobQueueTest, WhatIsReturnedIsAsBeforeItsClaim) {
  Put("a", 5);
  const absl::Time enqueued = clock_.Now();
  clock_.Advance(absl::Seconds(1));
  for (int i = 0; i < 3; ++i) {
    const std::vector<Job> claimed = Claim();
    ASSERT_EQ(claimed.size(), 1u);
    EXPECT_EQ(claimed[0].attempts, 1);
    EXPECT_EQ(claimed[0].enqueued_at, enqueued);
    ASSERT_OK(queue_->ReturnAndWait("a", claimed[0].claim_id));
    EXPECT_EQ(Get("a").state, JobState::kPending);
    EXPECT_THAT(queue_->ReturnAndWait("a", claimed[0].claim_id),
                StatusIs(absl::StatusCode::kNotFound));
  }
  ASSERT_OK_AND_ASSIGN(const JobQueueStats stats, queue_->Stats());
  EXPECT_EQ(stats.pending, 1);
  EXPECT_EQ(stats.running, 0);
  // What was enqueued meanwhile takes its place.
  const std::vector<Job> claimed = Claim();
  Put("a", 5, "newer");
  ASSERT_OK(queue_->ReturnAndWait("a", claimed[0].claim_id));
  const std::vector<Job> again = Claim();
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].payload, "newer");
}

TEST_F(JobQueueTest, CountsByKindAndKnowsTheOldest) {
  const absl::Time begin = clock_.Now();
  for (const std::string key : {"a", "b", "c"}) {
    ASSERT_OK(queue_->EnqueueAndWait({.key = key, .kind = "one", .payload = ""}));
    clock_.Advance(absl::Minutes(1));
  }
  ASSERT_OK(queue_->EnqueueAndWait({.key = "d", .kind = "two", .payload = ""}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Job> claimed, queue_->ClaimAndWait(2, "one"));
  ASSERT_EQ(claimed.size(), 2u);
  ASSERT_OK(queue_->FailAndWait("a", claimed[0].claim_id, "", false));
  ASSERT_OK_AND_ASSIGN(std::vector<JobKindStats> stats, queue_->StatsByKind());
  ASSERT_EQ(stats.size(), 2u);
  EXPECT_EQ(stats[0].kind, "one");
  EXPECT_EQ(stats[0].pending, 1);
  EXPECT_EQ(stats[0].running, 1);
  EXPECT_EQ(stats[0].dead, 1);
  EXPECT_EQ(stats[0].oldest, begin + absl::Minutes(1));
  EXPECT_EQ(stats[1].kind, "two");
  EXPECT_EQ(stats[1].oldest, begin + absl::Minutes(3));
  ASSERT_OK_AND_ASSIGN(const std::vector<Job> other, queue_->ClaimAndWait(1, "two"));
  ASSERT_OK(queue_->CompleteAndWait("d", other[0].claim_id, ""));
  ASSERT_OK_AND_ASSIGN(stats, queue_->StatsByKind());
  EXPECT_EQ(stats.size(), 1u);
}

TEST_F(JobQueueTest, AResultIsKeptUntilTheNextEnqueue) {
  Put("a");
  ASSERT_OK(queue_->CompleteAndWait("a", Claim()[0].claim_id, "7 blobs"));
  Open();
  EXPECT_EQ(Get("a").result, "7 blobs");
  EXPECT_EQ(Get("a").last_error, "");
  Put("a");
  EXPECT_EQ(Get("a").result, "");
  ASSERT_OK(queue_->FailAndWait("a", Claim()[0].claim_id, "no", false));
  EXPECT_EQ(Get("a").result, "");
  EXPECT_EQ(Get("a").last_error, "no");
}

TEST_F(JobQueueTest, ListsPageByKeyAndState) {
  for (int i = 0; i < 9; ++i) Put(absl::StrCat("job ", i));
  ASSERT_EQ(Claim(4).size(), 4u);
  ASSERT_OK_AND_ASSIGN(std::vector<Job> jobs, queue_->List(std::nullopt, "", 5));
  ASSERT_EQ(jobs.size(), 5u);
  ASSERT_OK_AND_ASSIGN(jobs, queue_->List(std::nullopt, jobs.back().key, 5));
  EXPECT_EQ(jobs.size(), 4u);
  EXPECT_EQ(jobs.back().key, "job 8");
  ASSERT_OK_AND_ASSIGN(jobs, queue_->List(JobState::kPending, "", 100));
  EXPECT_EQ(jobs.size(), 5u);
  ASSERT_OK_AND_ASSIGN(jobs, queue_->List(JobState::kRunning, "", 100));
  EXPECT_EQ(jobs.size(), 4u);
}

TEST_F(JobQueueTest, OnlyDeadJobsAreDropped) {
  for (const std::string key : {"a", "b", "c"}) Put(key);
  for (const Job& job : Claim(2)) {
    ASSERT_OK(queue_->FailAndWait(job.key, job.claim_id, "", false));
  }
  EXPECT_THAT(queue_->DropDeadAndWait("c"), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(queue_->DropDeadAndWait("a"));
  EXPECT_EQ(queue_->Stats()->dead, 1);
  ASSERT_OK(queue_->DropDeadAndWait(""));
  EXPECT_THAT(queue_->DropDeadAndWait(""), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(queue_->Stats()->dead, 0);
  EXPECT_EQ(Get("c").state, JobState::kPending);
}

TEST_F(JobQueueTest, RemovedJobIsForgottenButNotARunningOne) {
  Put("a");
  Put("b");
  ASSERT_OK(queue_->RemoveAndWait("a"));
  EXPECT_THAT(queue_->RemoveAndWait("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(queue_->Get("a"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ClaimedKeys(), ElementsAre("b"));
  EXPECT_THAT(queue_->RemoveAndWait("b"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(JobQueueTest, DoneJobsAreForgottenAfterTheirTime) {
  options_.keep_done = absl::Hours(1);
  Open();
  for (const std::string key : {"a", "b"}) {
    Put(key);
    ASSERT_OK(queue_->CompleteAndWait(key, Claim()[0].claim_id, ""));
  }
  clock_.Advance(absl::Hours(2));
  Put("c");
  ASSERT_OK(queue_->CompleteAndWait("c", Claim()[0].claim_id, ""));
  EXPECT_EQ(queue_->Stats()->done, 1);
  EXPECT_THAT(queue_->Get("a"), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(JobQueueTest, LimitsAreKept) {
  options_.max_jobs = 2;
  Open();
  Put("a");
  Put("b");
  EXPECT_THAT(queue_->EnqueueAndWait({.key = "c", .kind = "", .payload = ""}),
              StatusIs(absl::StatusCode::kResourceExhausted));
  Put("a");  // merges
  ASSERT_OK(queue_->CompleteAndWait("a", Claim(1)[0].claim_id, ""));
  Put("c");
  EXPECT_THAT(queue_->EnqueueAndWait({.key = "", .kind = "", .payload = ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(queue_->EnqueueAndWait(
                  {.key = std::string(kMaxJobKeyBytes + 1, 'k'), .kind = "", .payload = ""}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(queue_->EnqueueAndWait(
                  {.key = "k", .kind = "", .payload = std::string(kMaxJobPayloadBytes + 1, 'p')}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(JobQueueTest, WakeUpFollowsWhatBecomesPending) {
  std::atomic<int> wake_ups{0};
  queue_->SetWakeUp([&wake_ups] { ++wake_ups; });
  Put("a");
  ASSERT_OK(queue_->Stats());  // after it the callback of the enqueue has run
  EXPECT_EQ(wake_ups, 1);
  const std::vector<Job> claimed = Claim();
  ASSERT_OK(queue_->Stats());
  EXPECT_EQ(wake_ups, 1);
  ASSERT_OK(queue_->FailAndWait("a", claimed[0].claim_id, "", true));
  ASSERT_OK(queue_->Stats());
  EXPECT_EQ(wake_ups, 2);
}

TEST_F(JobQueueTest, NextDueIsInfiniteWithoutPendingJobs) {
  EXPECT_THAT(queue_->NextDue(), IsOkAndHolds(absl::InfiniteFuture()));
}

TEST_F(JobQueueTest, ClosingCommitsWhatWasEnqueued) {
  std::atomic<int> durable{0};
  for (int i = 0; i < 500; ++i) {
    queue_->Enqueue({.key = absl::StrCat(i), .kind = "", .payload = ""},
                    [&durable](const absl::Status& status) { durable += status.ok(); });
  }
  Open();
  EXPECT_EQ(durable, 500);
  EXPECT_EQ(queue_->Stats()->pending, 500);
}

TEST_F(JobQueueTest, ManyThreadsNoJobIsLostAndNoneRunsTwiceAtOnce) {
  constexpr int kKeys = 40;
  constexpr int kEnqueues = 600;
  absl::Mutex mu;
  std::set<std::string> in_flight;
  std::vector<int> last_done(kKeys, -1);
  std::atomic<int> enqueued{0};
  std::atomic<bool> producers_done{false};
  std::vector<std::thread> producers, workers;
  for (int t = 0; t < 4; ++t) {
    producers.emplace_back([&] {
      int n;
      while ((n = enqueued.fetch_add(1)) < kEnqueues) {
        EXPECT_OK(queue_->EnqueueAndWait(
            {.key = absl::StrCat(n % kKeys), .kind = "", .payload = absl::StrCat(n)}));
      }
    });
  }
  for (int t = 0; t < 4; ++t) {
    workers.emplace_back([&] {
      while (true) {
        const bool no_more = producers_done;
        ASSERT_OK_AND_ASSIGN(const std::vector<Job> jobs, queue_->ClaimAndWait(3, ""));
        if (jobs.empty() && no_more && queue_->Stats()->running == 0 &&
            queue_->Stats()->pending == 0) {
          return;
        }
        for (const Job& job : jobs) {
          {
            absl::MutexLock lock(&mu);
            EXPECT_TRUE(in_flight.insert(job.key).second) << job.key;
          }
          {
            absl::MutexLock lock(&mu);
            in_flight.erase(job.key);
            last_done[static_cast<size_t>(std::stoi(job.key))] = std::stoi(job.payload);
          }
          EXPECT_OK(queue_->CompleteAndWait(job.key, job.claim_id, ""));
        }
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  producers_done = true;
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(queue_->Stats()->done, kKeys);
  for (int key = 0; key < kKeys; ++key) {
    // Two producers may pass each other; the job's own row says which payload came last.
    EXPECT_EQ(absl::StrCat(last_done[static_cast<size_t>(key)]), Get(absl::StrCat(key)).payload);
  }
}

}  // namespace
}  // namespace kraken::storage
