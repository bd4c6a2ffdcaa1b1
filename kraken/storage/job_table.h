#ifndef KRAKEN_STORAGE_JOB_TABLE_H_
#define KRAKEN_STORAGE_JOB_TABLE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/storage/job.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/sqlite_database.h"

namespace kraken::storage {

// The rules of JobQueue over its table; every method runs within the transaction of the group
// committer's thread, and job_queue.h says what it does.
class JobTable {
 public:
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> OpenDatabase(const std::string& path);
  // Makes jobs that ran in an earlier process pending again. `database` outlives the table.
  static absl::StatusOr<std::unique_ptr<JobTable>> Create(SqliteDatabase* database,
                                                          const JobQueueOptions& options);

  absl::Status Enqueue(const NewJob& job);
  absl::Status Claim(int limit, const std::string& kind, std::vector<Job>* jobs);
  absl::Status Complete(const std::string& key, int64_t claim_id, const std::string& result);
  absl::Status Fail(const std::string& key, int64_t claim_id, const std::string& error,
                    bool retryable);
  absl::Status Return(const std::string& key, int64_t claim_id);
  absl::Status RetryDead(const std::string& key);
  absl::Status DropDead(const std::string& key);
  absl::Status Remove(const std::string& key);
  absl::Status NextDue(absl::Time* due);
  absl::Status Stats(JobQueueStats* stats);
  absl::Status StatsByKind(std::vector<JobKindStats>* stats);
  absl::Status Get(const std::string& key, Job* job);
  absl::Status List(std::optional<JobState> state, const std::string& after_key, int limit,
                    std::vector<Job>* jobs);

  // Whether an operation since the last call made a job pending.
  bool TakeWakeUp() { return std::exchange(wake_up_, false); }
  // Counts the rows again, after a rollback.
  void Recount();

 private:
  // As JobState, but those pending are apart: `ready` may be claimed, `waiting` has its time to
  // come and is looked at only through an index by time.
  enum Row : int64_t { kReady = 0, kRunning = 1, kDone = 2, kDead = 3, kWaiting = 4 };
  static constexpr int kRowStates = 5;

  JobTable(SqliteDatabase* database, const JobQueueOptions& options);

  absl::Status Prepare();
  absl::Status Recover();
  absl::Status CountRows();
  absl::Status Insert(const NewJob& job);
  // The job begins anew with what was enqueued last.
  absl::Status Restart(const std::string& key, Row from, const NewJob& job);
  absl::Status EnqueueWhileRunning(const NewJob& job);
  absl::Status PromoteDue();
  absl::Status ForgetOldDone();
  // The row of a present claim, with what was enqueued meanwhile. NOT_FOUND.
  struct Running {
    int attempts = 0;
    std::optional<NewJob> next;
  };
  absl::StatusOr<Running> FindClaim(const std::string& key, int64_t claim_id);
  absl::Status SetState(const std::string& key, Row from, Row to, int64_t next_attempt_ns,
                        const std::string& note);
  absl::Duration DelayAfter(int attempts);
  absl::Status ReadJobs(SqliteStatement& statement, std::vector<Job>* jobs);
  static Job ReadJob(const SqliteStatement& row);
  void Move(Row from, Row to);
  int64_t NowNanoseconds() const { return absl::ToUnixNanos(clock_.Now()); }
  static int64_t StartOf(const NewJob& job, int64_t now);

  SqliteDatabase* const database_;
  const Clock& clock_;
  BitGen& random_;
  const BackoffOptions backoff_;
  const absl::Duration keep_done_;
  const int64_t max_jobs_;
  int64_t counts_[kRowStates] = {};
  int64_t next_claim_ = 1;
  bool wake_up_ = false;

  SqliteStatement find_, insert_, restart_, set_next_, promote_, claim_ready_, claim_kind_,
      mark_running_, find_claim_, set_state_, give_back_, retry_one_, retry_all_, drop_one_,
      drop_all_, remove_, first_ready_, first_waiting_, count_due_, get_, list_all_, list_state_,
      list_pending_, old_done_, count_, count_kinds_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOB_TABLE_H_
