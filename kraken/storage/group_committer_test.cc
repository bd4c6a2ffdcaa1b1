#include "kraken/storage/group_committer.h"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/sqlite_database.h"

namespace kraken::storage {
namespace {

class GroupCommitterTest : public testing::Test {
 protected:
  GroupCommitterTest()
      : database_(*SqliteDatabase::Open(MakeTestDir() + "/test.db", 1, 1,
                                        "CREATE TABLE t (a INTEGER PRIMARY KEY)")) {}

  absl::Status Insert(int64_t value) {
    auto statement = database_->Prepare("INSERT INTO t VALUES (?1)");
    if (!statement.ok()) return statement.status();
    return statement->Bind(1, value).Run();
  }
  int64_t Count() {
    auto statement = database_->Prepare("SELECT count(*) FROM t");
    EXPECT_THAT(statement->Step(), IsOkAndHolds(true));
    return statement->Int(0);
  }

  const std::unique_ptr<SqliteDatabase> database_;
};

TEST_F(GroupCommitterTest, WhatArrivesDuringAGroupSharesTheNextCommit) {
  std::atomic<int> commits{0};
  absl::Notification started, all_waiting;
  {
    GroupCommitter committer(database_.get(), {.after_commit = [&] { ++commits; }});
    committer.Submit(
        [&] {
          started.Notify();
          all_waiting.WaitForNotification();
          return absl::OkStatus();
        },
        [](const absl::Status&) {});
    started.WaitForNotification();
    for (int i = 0; i < 100; ++i) {
      committer.Submit([this, i] { return Insert(i); },
                       [](const absl::Status& status) { EXPECT_OK(status); });
    }
    all_waiting.Notify();
  }
  EXPECT_EQ(commits, 2);
  EXPECT_EQ(Count(), 100);
}

TEST_F(GroupCommitterTest, OwnErrorOfAnOperationLeavesTheOthersAlone) {
  GroupCommitter committer(database_.get(), {});
  EXPECT_THAT(committer.SubmitAndWait([] { return absl::NotFoundError("none"); }),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(committer.SubmitAndWait([this] { return Insert(1); }));
  EXPECT_OK(committer.SubmitAndWait([this] {
    EXPECT_EQ(Count(), 1);
    return absl::OkStatus();
  }));
}

TEST_F(GroupCommitterTest, ErrorOfTheDatabaseUndoesTheGroupAndReachesAllOfIt) {
  std::atomic<int> failed{0};
  int rollbacks = 0;
  {
    absl::Notification started, all_waiting;
    GroupCommitter committer(database_.get(), {.after_rollback = [&] { ++rollbacks; }});
    committer.Submit(
        [&] {
          started.Notify();
          all_waiting.WaitForNotification();
          return absl::OkStatus();
        },
        [](const absl::Status&) {});
    started.WaitForNotification();
    for (const int value : {1, 2, 1}) {  // the key is taken
      committer.Submit([this, value] { return Insert(value); },
                       [&](const absl::Status& status) { failed += !status.ok(); });
    }
    all_waiting.Notify();
  }
  EXPECT_EQ(failed, 3);
  EXPECT_EQ(rollbacks, 1);
  EXPECT_EQ(Count(), 0);
}

TEST_F(GroupCommitterTest, TooManyWaitingAreRefused) {
  absl::Notification started, release;
  GroupCommitter committer(database_.get(), {.max_waiting = 2});
  committer.Submit(
      [&] {
        started.Notify();
        release.WaitForNotification();
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
  started.WaitForNotification();
  int refused = 0;
  for (int i = 0; i < 3; ++i) {
    committer.Submit([] { return absl::OkStatus(); },
                     [&refused, i](const absl::Status& status) {
                       if (i < 2) return;
                       EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted));
                       ++refused;
                     });
  }
  EXPECT_EQ(refused, 1);
  release.Notify();
}

TEST_F(GroupCommitterTest, ManyThreadsWithAWindow) {
  GroupCommitter committer(database_.get(), {.window = absl::Milliseconds(1)});
  std::vector<std::thread> threads;
  threads.reserve(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        EXPECT_OK(committer.SubmitAndWait([this, t, i] { return Insert(t * 1000 + i); }));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK(committer.SubmitAndWait([this] {
    EXPECT_EQ(Count(), 200);
    return absl::OkStatus();
  }));
}

}  // namespace
}  // namespace kraken::storage
