#include "kraken/storage/job_queue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/group_committer.h"
#include "kraken/storage/job_table.h"
#include "kraken/storage/sqlite_database.h"

namespace kraken::storage {
namespace {

absl::Status CheckJob(const NewJob& job) {
  if (job.key.empty() || job.key.size() > kMaxJobKeyBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a job's key has 1 to ", kMaxJobKeyBytes, " bytes, not ", job.key.size()));
  }
  if (job.kind.size() > kMaxJobKindBytes || job.payload.size() > kMaxJobPayloadBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("job ", job.key, " is too large: payload of ", job.payload.size(), " bytes"));
  }
  return absl::OkStatus();
}

class JobQueueImpl final : public JobQueue {
 public:
  JobQueueImpl(std::unique_ptr<SqliteDatabase> database, std::unique_ptr<JobTable> table,
               const JobQueueOptions& options)
      : database_(std::move(database)),
        table_(std::move(table)),
        committer_(std::make_unique<GroupCommitter>(
            database_.get(), GroupCommitter::Options{
                                 .max_waiting = options.max_waiting_operations,
                                 .window = std::min(options.commit_window, kMaxCommitWindow),
                                 .name = "job-queue",
                                 .after_commit = [this] { AfterCommit(); },
                                 .after_rollback = [this] { table_->Recount(); },
                             })) {}

  // The table's statements go before the database.
  ~JobQueueImpl() override {
    committer_ = nullptr;
    table_ = nullptr;
  }

  void Enqueue(NewJob job, Done on_durable) override {
    if (absl::Status bad = CheckJob(job); !bad.ok()) return on_durable(bad);
    committer_->Submit([this, job = std::move(job)] { return table_->Enqueue(job); },
                       std::move(on_durable));
  }

  void Claim(int limit, std::string kind, Claimed done) override {
    auto jobs = std::make_shared<std::vector<Job>>();
    committer_->Submit([this, limit, kind = std::move(kind),
                        jobs] { return table_->Claim(limit, kind, jobs.get()); },
                       [jobs, done = std::move(done)](const absl::Status& status) mutable {
                         if (status.ok()) {
                           done(std::move(*jobs));
                         } else {
                           done(status);
                         }
                       });
  }

  void Complete(std::string key, int64_t claim_id, std::string result, Done done) override {
    result.resize(std::min(result.size(), kMaxJobErrorBytes));
    committer_->Submit(
        [this, key = std::move(key), claim_id, result = std::move(result)] {
          return table_->Complete(key, claim_id, result);
        },
        std::move(done));
  }

  void Fail(std::string key, int64_t claim_id, std::string error, bool retryable,
            Done done) override {
    error.resize(std::min(error.size(), kMaxJobErrorBytes));
    committer_->Submit([this, key = std::move(key), claim_id, error = std::move(error),
                        retryable] { return table_->Fail(key, claim_id, error, retryable); },
                       std::move(done));
  }

  void Return(std::string key, int64_t claim_id, Done done) override {
    committer_->Submit(
        [this, key = std::move(key), claim_id] { return table_->Return(key, claim_id); },
        std::move(done));
  }

  void RetryDead(std::string key, Done done) override {
    committer_->Submit([this, key = std::move(key)] { return table_->RetryDead(key); },
                       std::move(done));
  }

  void DropDead(std::string key, Done done) override {
    committer_->Submit([this, key = std::move(key)] { return table_->DropDead(key); },
                       std::move(done));
  }

  void Remove(std::string key, Done done) override {
    committer_->Submit([this, key = std::move(key)] { return table_->Remove(key); },
                       std::move(done));
  }

  absl::Status EnqueueAndWait(NewJob job) override {
    KH_RETURN_IF_ERROR(CheckJob(job));
    return committer_->SubmitAndWait([this, &job] { return table_->Enqueue(job); });
  }

  absl::StatusOr<std::vector<Job>> ClaimAndWait(int limit, std::string kind) override {
    std::vector<Job> jobs;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait(
        [this, limit, &kind, &jobs] { return table_->Claim(limit, kind, &jobs); }));
    return jobs;
  }

  absl::Status CompleteAndWait(std::string key, int64_t claim_id, std::string result) override {
    result.resize(std::min(result.size(), kMaxJobErrorBytes));
    return committer_->SubmitAndWait(
        [this, &key, claim_id, &result] { return table_->Complete(key, claim_id, result); });
  }

  absl::Status FailAndWait(std::string key, int64_t claim_id, std::string error,
                           bool retryable) override {
    error.resize(std::min(error.size(), kMaxJobErrorBytes));
    return committer_->SubmitAndWait([this, &key, claim_id, &error, retryable] {
      return table_->Fail(key, claim_id, error, retryable);
    });
  }

  absl::Status ReturnAndWait(std::string key, int64_t claim_id) override {
    return committer_->SubmitAndWait(
        [this, &key, claim_id] { return table_->Return(key, claim_id); });
  }

  absl::Status RetryDeadAndWait(std::string key) override {
    return committer_->SubmitAndWait([this, &key] { return table_->RetryDead(key); });
  }

  absl::Status DropDeadAndWait(std::string key) override {
    return committer_->SubmitAndWait([this, &key] { return table_->DropDead(key); });
  }

  absl::Status RemoveAndWait(std::string key) override {
    return committer_->SubmitAndWait([this, &key] { return table_->Remove(key); });
  }

  void SetWakeUp(std::function<void()> wake_up) override {
    // On the committer's thread, which alone looks at it.
    committer_
        ->SubmitAndWait([this, &wake_up] {
          wake_up_ = std::move(wake_up);
          return absl::OkStatus();
        })
        .IgnoreError();
  }

  absl::StatusOr<absl::Time> NextDue() override {
    absl::Time due;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, &due] { return table_->NextDue(&due); }));
    return due;
  }

  absl::StatusOr<JobQueueStats> Stats() override {
    JobQueueStats stats;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, &stats] { return table_->Stats(&stats); }));
    return stats;
  }

  absl::StatusOr<std::vector<JobKindStats>> StatsByKind() override {
    std::vector<JobKindStats> stats;
    KH_RETURN_IF_ERROR(
        committer_->SubmitAndWait([this, &stats] { return table_->StatsByKind(&stats); }));
    return stats;
  }

  absl::StatusOr<Job> Get(std::string key) override {
    Job job;
    KH_RETURN_IF_ERROR(
        committer_->SubmitAndWait([this, &key, &job] { return table_->Get(key, &job); }));
    return job;
  }

  absl::StatusOr<std::vector<Job>> List(std::optional<JobState> state, std::string after_key,
                                        int limit) override {
    std::vector<Job> jobs;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, state, &after_key, limit, &jobs] {
      return table_->List(state, after_key, limit, &jobs);
    }));
    return jobs;
  }

 private:
  void AfterCommit() {
    if (table_->TakeWakeUp() && wake_up_ != nullptr) wake_up_();
  }

  const std::unique_ptr<SqliteDatabase> database_;
  std::unique_ptr<JobTable> table_;
  std::function<void()> wake_up_;
  std::unique_ptr<GroupCommitter> committer_;
};

}  // namespace

std::string_view JobStateName(JobState state) {
  switch (state) {
    case JobState::kPending:
      return "pending";
    case JobState::kRunning:
      return "running";
    case JobState::kDone:
      return "done";
    case JobState::kDead:
      return "dead";
  }
  return "unknown";
}

absl::StatusOr<std::unique_ptr<JobQueue>> JobQueue::Open(JobQueueOptions options) {
  KH_ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database,
                      JobTable::OpenDatabase(options.path));
  KH_ASSIGN_OR_RETURN(std::unique_ptr<JobTable> table, JobTable::Create(database.get(), options));
  return std::make_unique<JobQueueImpl>(std::move(database), std::move(table), options);
}

}  // namespace kraken::storage
