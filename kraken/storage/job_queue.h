#ifndef KRAKEN_STORAGE_JOB_QUEUE_H_
#define KRAKEN_STORAGE_JOB_QUEUE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/backoff.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/storage/job.h"

namespace kraken::storage {

struct JobQueueOptions {
  // The database's file; its directory must exist. One process at a time.
  std::string path;
  // Waits between attempts; `max_retries` >= 0: after so many retries a job is dead.
  BackoffOptions backoff;
  // Jobs that are done are forgotten after this.
  absl::Duration keep_done = absl::Hours(24);
  // Pending and running jobs; Enqueue of a new key then says RESOURCE_EXHAUSTED.
  int64_t max_jobs = 10'000'000;
  // Operations that may wait for the writer.
  size_t max_waiting_operations = 65536;
  // How long a commit waits for company, at most kMaxCommitWindow. Operations that arrive during a
  // commit share the next one in any case.
  absl::Duration commit_window = absl::ZeroDuration();
  const Clock* clock = nullptr;  // null: the system's
  BitGen* random = nullptr;      // null: the system's; used by the writer's thread only
};

struct JobQueueStats {
  int64_t pending = 0;
  int64_t due = 0;  // pending, and its time has come
  int64_t running = 0;
  int64_t done = 0;
  int64_t dead = 0;
};

// The jobs of one kind that are not done.
struct JobKindStats {
  std::string kind;
  int64_t pending = 0;
  int64_t running = 0;
  int64_t dead = 0;
  // When the oldest of those pending and running was enqueued; InfiniteFuture: there are none.
  absl::Time oldest = absl::InfiniteFuture();
};

// A durable queue of jobs in an SQLite database of its own: at least once, so that jobs must be
// idempotent. What was acknowledged (a callback with OK) survives kill -9 and power loss; jobs
// that ran then are pending again, their attempt counted.
//
// One thread per queue owns the database and commits operations in groups (one fsync for all that
// arrived meanwhile). Methods without "AndWait" never block: `done` runs on that thread after the
// commit, with the operation's status, and must be quick (Post to a loop). UNAVAILABLE when the
// queue is closing, RESOURCE_EXHAUSTED when too many operations wait; either may come from within
// the call. Thread-safe.
class JobQueue {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&)>;

  // Opens or creates. DATA_LOSS or FAILED_PRECONDITION say what is wrong with the file. Blocking.
  static absl::StatusOr<std::unique_ptr<JobQueue>> Open(JobQueueOptions options);

  // Commits what waits, then closes.
  virtual ~JobQueue() = default;

  // Adds, or merges into the job with this key:
  //   pending   newest payload and kind, higher priority, earlier time, attempts from 0 again
  //   running   the same, once the present run has ended, however it ends
  //   done/dead pending again
  // INVALID_ARGUMENT for an empty key or what is too long.
  virtual void Enqueue(NewJob job, Done on_durable) = 0;

  // Takes at most `limit` due jobs, the highest priority first, then the longest due; only of
  // `kind` unless it is empty. They are running from then on.
  using Claimed = absl::AnyInvocable<void(absl::StatusOr<std::vector<Job>>)>;
  virtual void Claim(int limit, std::string kind, Claimed done) = 0;

  // The claimed job is done, and `result` (cut at kMaxJobErrorBytes) is kept with it. NOT_FOUND
  // when `claim_id` is not its present claim.
  virtual void Complete(std::string key, int64_t claim_id, std::string result, Done done) = 0;
  // The claimed job failed: pending again after a backoff, or dead when not retryable or tried too
  // often. NOT_FOUND as above.
  virtual void Fail(std::string key, int64_t claim_id, std::string error, bool retryable,
                    Done done) = 0;
  // The claimed job was neither done nor tried: pending again at once, as before the claim, which
  // is not counted. NOT_FOUND as above.
  virtual void Return(std::string key, int64_t claim_id, Done done) = 0;
  // A dead job (empty key: every dead job) is pending again, attempts from 0. NOT_FOUND.
  virtual void RetryDead(std::string key, Done done) = 0;
  // A dead job (empty key: every dead job) is forgotten. NOT_FOUND.
  virtual void DropDead(std::string key, Done done) = 0;
  // Forgets a job that is not running. NOT_FOUND, FAILED_PRECONDITION.
  virtual void Remove(std::string key, Done done) = 0;

  // These wait for the commit: never on a loop.
  virtual absl::Status EnqueueAndWait(NewJob job) = 0;
  virtual absl::StatusOr<std::vector<Job>> ClaimAndWait(int limit, std::string kind) = 0;
  virtual absl::Status CompleteAndWait(std::string key, int64_t claim_id, std::string result) = 0;
  virtual absl::Status FailAndWait(std::string key, int64_t claim_id, std::string error,
                                   bool retryable) = 0;
  virtual absl::Status ReturnAndWait(std::string key, int64_t claim_id) = 0;
  virtual absl::Status RetryDeadAndWait(std::string key) = 0;
  virtual absl::Status DropDeadAndWait(std::string key) = 0;
  virtual absl::Status RemoveAndWait(std::string key) = 0;

  // Called on the queue's thread after a commit that made a job due or pending, to wake a
  // dispatcher. Set once, before the first Enqueue.
  virtual void SetWakeUp(std::function<void()> wake_up) = 0;

  // Blocking. When the next pending job will be due (InfiniteFuture: none), for a timer.
  virtual absl::StatusOr<absl::Time> NextDue() = 0;
  virtual absl::StatusOr<JobQueueStats> Stats() = 0;
  // In order of kind. Looks at every job that is not done: about 1 s for 10 million. Blocking.
  virtual absl::StatusOr<std::vector<JobKindStats>> StatsByKind() = 0;
  // NOT_FOUND. Blocking.
  virtual absl::StatusOr<Job> Get(std::string key) = 0;
  // Jobs in this state (nullopt: any) in order of key, after `after_key`. Blocking.
  virtual absl::StatusOr<std::vector<Job>> List(std::optional<JobState> state,
                                                std::string after_key, int limit) = 0;
};

inline constexpr absl::Duration kMaxCommitWindow = absl::Milliseconds(2);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOB_QUEUE_H_
