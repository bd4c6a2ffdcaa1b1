// Kills a process that uses a queue and a journal at arbitrary instants: nothing that was
// acknowledged is lost, and nothing that was completed comes back.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstring>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"

namespace kraken::storage {
namespace {

// What the child tells its parent: one write per record, which a pipe keeps whole.
struct Record {
  enum Kind : int64_t { kEnqueued, kCompleted, kAppended, kAcknowledged };
  int64_t kind;
  int64_t number;
};

void Tell(int fd, Record::Kind kind, int64_t number) {
  const Record record{.kind = kind, .number = number};
  // The parent may have gone deaf: it is about to kill us.
  if (::write(fd, &record, sizeof(record)) != sizeof(record)) ::_exit(3);
}

[[noreturn]] void UseQueueUntilKilled(const std::string& path, int64_t first, int fd) {
  auto queue = JobQueue::Open({.path = path});
  KH_CHECK(queue.ok());
  std::atomic<int64_t> next{first};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      while (true) {
        const int64_t number = next.fetch_add(1);
        KH_CHECK(
            (*queue)
                ->EnqueueAndWait({.key = absl::StrCat(number), .kind = "", .payload = "payload"})
                .ok());
        Tell(fd, Record::kEnqueued, number);
      }
    });
  }
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      while (true) {
        const auto jobs = (*queue)->ClaimAndWait(1, "");
        KH_CHECK(jobs.ok());
        for (const Job& job : *jobs) {
          KH_CHECK((*queue)->CompleteAndWait(job.key, job.claim_id, "").ok());
          Tell(fd, Record::kCompleted, std::stoll(job.key));
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(4);
}

[[noreturn]] void UseJournalUntilKilled(const std::string& path, int fd) {
  auto journal = Journal::Open({.path = path, .segment_bytes = 16 << 10, .segments = 8});
  KH_CHECK(journal.ok());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int64_t i = 0;; ++i) {
        const auto sequence = (*journal)->AppendAndWait("source", "body");
        KH_CHECK(sequence.ok());
        Tell(fd, Record::kAppended, *sequence);
        if (i % 3 == 0) {
          // Told first: what is not told may be gone or not.
          Tell(fd, Record::kAcknowledged, *sequence);
          KH_CHECK((*journal)->AcknowledgeAndWait({*sequence}).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ::_exit(4);
}

// Runs `life` in a child, reads `count` records, kills it, and returns all it said.
template <typename Life>
std::vector<Record> KillAfter(int count, Life life) {
  int pipe_fds[2];
  KH_CHECK(::pipe2(pipe_fds, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  KH_CHECK(child >= 0);
  if (child == 0) {
    ::close(pipe_fds[0]);
    life(pipe_fds[1]);
  }
  ::close(pipe_fds[1]);
  std::vector<Record> records;
  Record record;
  while (::read(pipe_fds[0], &record, sizeof(record)) == sizeof(record)) {
    records.push_back(record);
    if (static_cast<int>(records.size()) == count) KH_CHECK(::kill(child, SIGKILL) == 0);
  }
  ::close(pipe_fds[0]);
  int status;
  KH_CHECK(::waitpid(child, &status, 0) == child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  return records;
}

TEST(JobQueueCrashTest, KilledAnywhereNothingAcknowledgedIsLostAndNothingDoneComesBack) {
  const std::string path = MakeTestDir() + "/jobs.db";
  std::set<int64_t> enqueued, completed;
  for (const int count : {1, 2, 10, 57, 200, 333}) {
    const int64_t first = static_cast<int64_t>(count) * 1'000'000;
    for (const Record& record :
         KillAfter(count, [&](int fd) { UseQueueUntilKilled(path, first, fd); })) {
      (record.kind == Record::kEnqueued ? enqueued : completed).insert(record.number);
    }
    ASSERT_OK_AND_ASSIGN(const auto queue, JobQueue::Open({.path = path}));
    for (const int64_t number : enqueued) {
      ASSERT_OK_AND_ASSIGN(const Job job, queue->Get(absl::StrCat(number)));
      EXPECT_EQ(job.payload, "payload");
      EXPECT_NE(job.state, JobState::kRunning);
      if (completed.contains(number)) {
        EXPECT_EQ(job.state, JobState::kDone) << number;
      }
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GE(enqueued.size() + completed.size(), 600u);
}

TEST(JournalCrashTest, KilledAnywhereEveryAcknowledgedEventIsReadBack) {
  const std::string path = MakeTestDir() + "/journal";
  std::set<int64_t> must_be_there;
  for (const int count : {1, 3, 40, 150, 333}) {
    for (const Record& record :
         KillAfter(count, [&](int fd) { UseJournalUntilKilled(path, fd); })) {
      if (record.kind == Record::kAppended) {
        EXPECT_TRUE(must_be_there.insert(record.number).second) << "sequence used twice";
      } else {
        must_be_there.erase(record.number);
      }
    }
    ASSERT_OK_AND_ASSIGN(const auto journal,
                         Journal::Open({.path = path, .segment_bytes = 16 << 10, .segments = 8}));
    std::set<int64_t> there;
    ASSERT_OK_AND_ASSIGN(const auto entries, journal->Read(0, 1'000'000));
    for (const JournalEntry& entry : entries) there.insert(entry.sequence);
    for (const int64_t sequence : must_be_there) {
      EXPECT_TRUE(there.contains(sequence)) << sequence;
    }
  }
}

}  // namespace
}  // namespace kraken::storage
