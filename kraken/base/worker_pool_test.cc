#include "kraken/base/worker_pool.h"

#include <atomic>
#include <barrier>
#include <memory>

#include "absl/status/status.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(WorkerPoolTest, RunsEveryTask) {
  std::atomic<int> done = 0;
  WorkerPool pool(4, 1000);
  for (int i = 0; i < 1000; ++i) ASSERT_OK(pool.Submit([&done] { ++done; }));
  pool.WaitIdle();
  EXPECT_EQ(done, 1000);
}

TEST(WorkerPoolTest, RunsAsManyAtOnceAsItHasThreads) {
  constexpr int kThreads = 3;
  WorkerPool pool(kThreads, 10);
  // Deadlocks unless all of them run together.
  std::barrier all_running(kThreads);
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_OK(pool.Submit([&all_running] { all_running.arrive_and_wait(); }));
  }
  pool.Shutdown();
}

TEST(WorkerPoolTest, FullQueueIsAnAnswer) {
  absl::Notification started;
  absl::Notification go;
  WorkerPool pool(1, 2);
  ASSERT_OK(pool.Submit([&] {
    started.Notify();
    go.WaitForNotification();
  }));
  started.WaitForNotification();
  ASSERT_OK(pool.Submit([] {}));
  ASSERT_OK(pool.Submit([] {}));
  EXPECT_EQ(pool.queue_length(), 2u);
  EXPECT_THAT(pool.Submit([] {}), StatusIs(absl::StatusCode::kResourceExhausted));
  go.Notify();
  pool.WaitIdle();
  EXPECT_OK(pool.Submit([] {}));
}

TEST(WorkerPoolTest, ShutdownDrainsThenRefuses) {
  std::atomic<int> done = 0;
  absl::Notification go;
  WorkerPool pool(1, 100);
  ASSERT_OK(pool.Submit([&go] { go.WaitForNotification(); }));
  for (int i = 0; i < 50; ++i) ASSERT_OK(pool.Submit([&done] { ++done; }));
  go.Notify();
  pool.Shutdown();
  EXPECT_EQ(done, 50);
  EXPECT_THAT(pool.Submit([] {}), StatusIs(absl::StatusCode::kUnavailable));
  pool.Shutdown();
}

TEST(WorkerPoolTest, TaskMaySubmitAnother) {
  absl::Notification done;
  WorkerPool pool(1, 1);
  ASSERT_OK(pool.Submit([&] { EXPECT_OK(pool.Submit([&done] { done.Notify(); })); }));
  done.WaitForNotification();
}

TEST(WorkerPoolTest, WhatATaskHoldsIsFreedBeforeThePoolIsIdle) {
  auto held = std::make_shared<int>(0);
  WorkerPool pool(1, 1);
  ASSERT_OK(pool.Submit([copy = held] {}));
  pool.WaitIdle();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace kraken
