#include "kraken/storage/job_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/base/backoff.h"
#include "kraken/base/status_macros.h"

namespace kraken::storage {
namespace {

constexpr int32_t kApplicationId = 0x4b484a51;  // "KHJQ"
constexpr int32_t kVersion = 1;
// Old rows that one operation forgets: more than it adds.
constexpr int kForgetAtOnce = 4;
// The backoff's interval has reached its maximum long before.
constexpr int kMaxBackoffSteps = 64;

// Times are nanoseconds since 1970. `last_error` of a job that is done is its result. `claim` names
// the run of a running job; `next_…` is what was enqueued meanwhile (next_payload NULL: nothing).
// States: JobTable::Row.
constexpr char kSchema[] = R"(
CREATE TABLE jobs (
  key TEXT PRIMARY KEY NOT NULL,
  kind TEXT NOT NULL,
  payload BLOB NOT NULL,
  priority INTEGER NOT NULL,
  state INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL,
  enqueued INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  last_error TEXT NOT NULL,
  claim INTEGER NOT NULL,
  next_kind TEXT,
  next_payload BLOB,
  next_priority INTEGER,
  next_time INTEGER
);
CREATE INDEX ready ON jobs(priority DESC, next_attempt) WHERE state = 0;
CREATE INDEX ready_of_kind ON jobs(kind, priority DESC, next_attempt) WHERE state = 0;
CREATE INDEX running ON jobs(key) WHERE state = 1;
CREATE INDEX done ON jobs(updated) WHERE state = 2;
CREATE INDEX dead ON jobs(key) WHERE state = 3;
CREATE INDEX waiting ON jobs(next_attempt) WHERE state = 4;
)";

constexpr char kColumns[] =
    "SELECT key, kind, payload, priority, state, attempts, next_attempt, enqueued, updated, "
    "last_error, claim, next_payload IS NOT NULL FROM jobs ";

absl::Status NoSuchJob(const std::string& key) {
  return absl::NotFoundError(absl::StrCat("no such job: ", key));
}

absl::Status NoDeadJob(const std::string& key) {
  return key.empty() ? absl::NotFoundError("no job is dead")
                     : absl::NotFoundError(absl::StrCat("no dead job: ", key));
}

absl::Status NotThatClaim(const std::string& key) {
  return absl::NotFoundError(absl::StrCat("job ", key, " is not running under this claim"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteDatabase>> JobTable::OpenDatabase(const std::string& path) {
  return SqliteDatabase::Open(path, kApplicationId, kVersion, kSchema);
}

JobTable::JobTable(SqliteDatabase* database, const JobQueueOptions& options)
    : database_(database),
      clock_(options.clock != nullptr ? *options.clock : SystemClock::Get()),
      random_(options.random != nullptr ? *options.random : *[] {
        static SystemBitGen* const system = new SystemBitGen;
        return system;
      }()),
      backoff_(options.backoff),
      keep_done_(options.keep_done),
      max_jobs_(options.max_jobs) {}

absl::StatusOr<std::unique_ptr<JobTable>> JobTable::Create(SqliteDatabase* database,
                                                           const JobQueueOptions& options) {
  auto table = std::unique_ptr<JobTable>(new JobTable(database, options));
  KH_RETURN_IF_ERROR(table->Prepare());
  KH_RETURN_IF_ERROR(table->Recover());
  KH_RETURN_IF_ERROR(table->CountRows());
  return table;
}

absl::Status JobTable::Prepare() {
  const std::string columns = kColumns;
  const struct {
    SqliteStatement* statement;
    std::string sql;
  } statements[] = {
      {&find_, "SELECT state, priority, next_attempt FROM jobs WHERE key = ?1"},
      {&insert_,
       "INSERT INTO jobs (key, kind, payload, priority, state, attempts, next_attempt, enqueued, "
       "updated, last_error, claim) VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, ?7, ?7, '', 0)"},
      {&restart_,
       "UPDATE jobs SET kind = ?2, payload = ?3, priority = ?4, state = ?5, attempts = 0, "
       "next_attempt = ?6, enqueued = ?7, updated = ?7, last_error = '', claim = 0, "
       "next_kind = NULL, next_payload = NULL, next_priority = NULL, next_time = NULL "
       "WHERE key = ?1"},
      {&set_next_,
       "UPDATE jobs SET next_kind = ?2, next_payload = ?3, "
       "next_priority = max(?4, ifnull(next_priority, ?4)), "
       "next_time = min(?5, ifnull(next_time, ?5)) WHERE key = ?1"},
      {&promote_,
       "UPDATE jobs SET state = 0 WHERE key IN "
       "(SELECT key FROM jobs WHERE state = 4 AND next_attempt <= ?1 ORDER BY next_attempt "
       "LIMIT 1000)"},
      {&claim_ready_, columns + "WHERE state = 0 ORDER BY priority DESC, next_attempt LIMIT ?1"},
      {&claim_kind_,
       columns + "WHERE state = 0 AND kind = ?2 ORDER BY priority DESC, next_attempt LIMIT ?1"},
      {&mark_running_,
       "UPDATE jobs SET state = 1, attempts = attempts + 1, claim = ?2, updated = ?3 "
       "WHERE key = ?1"},
      {&find_claim_,
       "SELECT attempts, next_payload IS NOT NULL, next_kind, next_payload, next_priority, "
       "next_time FROM jobs WHERE key = ?1 AND state = 1 AND claim = ?2"},
      {&set_state_,
       "UPDATE jobs SET state = ?2, next_attempt = ?3, updated = ?4, last_error = ?5, claim = 0 "
       "WHERE key = ?1"},
      {&give_back_,
       "UPDATE jobs SET state = 0, attempts = attempts - 1, updated = ?2, claim = 0 "
       "WHERE key = ?1"},
      {&retry_one_,
       "UPDATE jobs SET state = 0, attempts = 0, next_attempt = ?1, updated = ?1 "
       "WHERE state = 3 AND key = ?2"},
      {&retry_all_,
       "UPDATE jobs SET state = 0, attempts = 0, next_attempt = ?1, updated = ?1 "
       "WHERE state = 3"},
      {&drop_one_, "DELETE FROM jobs WHERE state = 3 AND key = ?1"},
      {&drop_all_, "DELETE FROM jobs WHERE state = 3"},
      {&remove_, "DELETE FROM jobs WHERE key = ?1"},
      {&first_ready_, "SELECT min(next_attempt) FROM jobs WHERE state = 0"},
      {&first_waiting_, "SELECT min(next_attempt) FROM jobs WHERE state = 4"},
      {&count_due_, "SELECT count(*) FROM jobs WHERE state = 4 AND next_attempt <= ?1"},
      {&get_, columns + "WHERE key = ?1"},
      {&list_all_, columns + "WHERE key > ?1 ORDER BY key LIMIT ?2"},
      {&list_pending_,
       columns + "WHERE (state = 0 OR state = 4) AND key > ?1 ORDER BY key LIMIT ?2"},
      {&list_state_, columns + "WHERE state = ?3 AND key > ?1 ORDER BY key LIMIT ?2"},
      {&old_done_,
       "DELETE FROM jobs WHERE key IN "
       "(SELECT key FROM jobs WHERE state = 2 AND updated < ?1 ORDER BY updated LIMIT ?2)"},
      {&count_, "SELECT state, count(*) FROM jobs GROUP BY state"},
      {&count_kinds_,
       "SELECT kind, state, count(*), min(enqueued) FROM jobs WHERE state <> 2 "
       "GROUP BY kind, state ORDER BY kind"},
  };
  for (const auto& [statement, sql] : statements) {
    KH_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
  }
  return absl::OkStatus();
}

absl::Status JobTable::Recover() {
  // What was enqueued while a job ran counts; else the job itself, unless it was the last attempt:
  // a job that ends its process must not do so forever.
  const std::string now = absl::StrCat(NowNanoseconds());
  KH_RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
  KH_RETURN_IF_ERROR(database_->Execute(
      "UPDATE jobs SET kind = next_kind, payload = next_payload, priority = next_priority, "
      "next_attempt = next_time, state = 4, attempts = 0, claim = 0, last_error = '', "
      "next_kind = NULL, next_payload = NULL, next_priority = NULL, next_time = NULL "
      "WHERE state = 1 AND next_payload IS NOT NULL"));
  if (backoff_.max_retries >= 0) {
    KH_RETURN_IF_ERROR(database_->Execute(absl::StrCat(
        "UPDATE jobs SET state = 3, claim = 0, updated = ", now,
        ", last_error = 'the process ended while the job ran' WHERE state = 1 AND attempts > ",
        backoff_.max_retries)));
  }
  KH_RETURN_IF_ERROR(database_->Execute(absl::StrCat(
      "UPDATE jobs SET state = 0, claim = 0, next_attempt = ", now, " WHERE state = 1")));
  return database_->Execute("COMMIT");
}

absl::Status JobTable::CountRows() {
  std::fill(std::begin(counts_), std::end(counts_), 0);
  while (true) {
    KH_ASSIGN_OR_RETURN(const bool row, count_.Step());
    if (!row) return absl::OkStatus();
    if (count_.Int(0) >= 0 && count_.Int(0) < kRowStates) counts_[count_.Int(0)] = count_.Int(1);
  }
}

void JobTable::Recount() {
  wake_up_ = true;
  // Failing here too, the disk is gone and the counts are the least of all worries.
  CountRows().IgnoreError();
}

void JobTable::Move(Row from, Row to) {
  --counts_[from];
  ++counts_[to];
  if (to == kReady || to == kWaiting) wake_up_ = true;
}

int64_t JobTable::StartOf(const NewJob& job, int64_t now) {
  if (job.not_before == absl::InfiniteFuture()) return absl::ToUnixNanos(absl::InfiniteFuture());
  return std::max(now, absl::ToUnixNanos(job.not_before));
}

// --- Enqueue.

absl::Status JobTable::Enqueue(const NewJob& job) {
  find_.Bind(1, job.key);
  KH_ASSIGN_OR_RETURN(const bool found, find_.Step());
  if (!found) return Insert(job);
  const auto state = static_cast<Row>(find_.Int(0));
  NewJob merged = job;
  if (state == kReady || state == kWaiting) {
    merged.priority = std::max(job.priority, static_cast<int>(find_.Int(1)));
    merged.not_before = std::min(job.not_before, absl::FromUnixNanos(find_.Int(2)));
  }
  find_.Reset();
  if (state == kRunning) return EnqueueWhileRunning(job);
  return Restart(job.key, state, merged);
}

absl::Status JobTable::Insert(const NewJob& job) {
  const int64_t active = counts_[kReady] + counts_[kWaiting] + counts_[kRunning];
  if (active >= max_jobs_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("database ", database_->path(), " holds ", active, " jobs already"));
  }
  const int64_t now = NowNanoseconds();
  const int64_t start = StartOf(job, now);
  const Row state = start <= now ? kReady : kWaiting;
  KH_RETURN_IF_ERROR(insert_.Bind(1, job.key)
                         .Bind(2, job.kind)
                         .BindBlob(3, job.payload)
                         .Bind(4, int64_t{job.priority})
                         .Bind(5, state)
                         .Bind(6, start)
                         .Bind(7, now)
                         .Run());
  ++counts_[state];
  wake_up_ = true;
  return absl::OkStatus();
}

absl::Status JobTable::Restart(const std::string& key, Row from, const NewJob& job) {
  const int64_t now = NowNanoseconds();
  const int64_t start = StartOf(job, now);
  const Row state = start <= now ? kReady : kWaiting;
  KH_RETURN_IF_ERROR(restart_.Bind(1, key)
                         .Bind(2, job.kind)
                         .BindBlob(3, job.payload)
                         .Bind(4, int64_t{job.priority})
                         .Bind(5, state)
                         .Bind(6, start)
                         .Bind(7, now)
                         .Run());
  Move(from, state);
  return absl::OkStatus();
}

absl::Status JobTable::EnqueueWhileRunning(const NewJob& job) {
  return set_next_.Bind(1, job.key)
      .Bind(2, job.kind)
      .BindBlob(3, job.payload)
      .Bind(4, int64_t{job.priority})
      .Bind(5, StartOf(job, NowNanoseconds()))
      .Run();
}

// --- Claim and its end.

absl::Status JobTable::PromoteDue() {
  KH_RETURN_IF_ERROR(promote_.Bind(1, NowNanoseconds()).Run());
  const int64_t promoted = database_->changes();
  counts_[kWaiting] -= promoted;
  counts_[kReady] += promoted;
  return absl::OkStatus();
}

absl::Status JobTable::Claim(int limit, const std::string& kind, std::vector<Job>* jobs) {
  KH_RETURN_IF_ERROR(PromoteDue());
  SqliteStatement& ready = kind.empty() ? claim_ready_ : claim_kind_;
  ready.Bind(1, int64_t{std::max(0, limit)});
  if (!kind.empty()) ready.Bind(2, kind);
  KH_RETURN_IF_ERROR(ReadJobs(ready, jobs));
  const int64_t now = NowNanoseconds();
  for (Job& job : *jobs) {
    job.claim_id = next_claim_++;
    job.state = JobState::kRunning;
    ++job.attempts;
    job.updated_at = absl::FromUnixNanos(now);
    KH_RETURN_IF_ERROR(mark_running_.Bind(1, job.key).Bind(2, job.claim_id).Bind(3, now).Run());
    Move(kReady, kRunning);
  }
  return absl::OkStatus();
}

absl::StatusOr<JobTable::Running> JobTable::FindClaim(const std::string& key, int64_t claim_id) {
  find_claim_.Bind(1, key).Bind(2, claim_id);
  KH_ASSIGN_OR_RETURN(const bool found, find_claim_.Step());
  if (!found) return NotThatClaim(key);
  Running running;
  running.attempts = static_cast<int>(find_claim_.Int(0));
  if (find_claim_.Int(1) != 0) {
    running.next = NewJob{.key = key,
                          .kind = find_claim_.Text(2),
                          .payload = find_claim_.Blob(3),
                          .priority = static_cast<int>(find_claim_.Int(4)),
                          .not_before = absl::FromUnixNanos(find_claim_.Int(5))};
  }
  find_claim_.Reset();
  return running;
}

absl::Status JobTable::SetState(const std::string& key, Row from, Row to, int64_t next_attempt_ns,
                                const std::string& note) {
  KH_RETURN_IF_ERROR(set_state_.Bind(1, key)
                         .Bind(2, to)
                         .Bind(3, next_attempt_ns)
                         .Bind(4, NowNanoseconds())
                         .Bind(5, note)
                         .Run());
  Move(from, to);
  return absl::OkStatus();
}

absl::Status JobTable::Complete(const std::string& key, int64_t claim_id,
                                const std::string& result) {
  KH_ASSIGN_OR_RETURN(const Running running, FindClaim(key, claim_id));
  if (running.next.has_value()) return Restart(key, kRunning, *running.next);
  KH_RETURN_IF_ERROR(SetState(key, kRunning, kDone, NowNanoseconds(), result));
  return ForgetOldDone();
}

absl::Status JobTable::Fail(const std::string& key, int64_t claim_id, const std::string& error,
                            bool retryable) {
  KH_ASSIGN_OR_RETURN(const Running running, FindClaim(key, claim_id));
  if (running.next.has_value()) return Restart(key, kRunning, *running.next);
  const int64_t now = NowNanoseconds();
  const bool may_retry = backoff_.max_retries < 0 || running.attempts <= backoff_.max_retries;
  if (!retryable || !may_retry) return SetState(key, kRunning, kDead, now, error);
  const int64_t next = now + absl::ToInt64Nanoseconds(DelayAfter(running.attempts));
  return SetState(key, kRunning, kWaiting, next, error);
}

absl::Status JobTable::Return(const std::string& key, int64_t claim_id) {
  KH_ASSIGN_OR_RETURN(const Running running, FindClaim(key, claim_id));
  if (running.next.has_value()) return Restart(key, kRunning, *running.next);
  KH_RETURN_IF_ERROR(give_back_.Bind(1, key).Bind(2, NowNanoseconds()).Run());
  Move(kRunning, kReady);
  return absl::OkStatus();
}

absl::Duration JobTable::DelayAfter(int attempts) {
  BackoffOptions endless = backoff_;
  endless.max_retries = -1;
  Backoff backoff(endless, &random_);
  absl::Duration delay;
  for (int i = 0; i < std::clamp(attempts, 1, kMaxBackoffSteps); ++i) delay = *backoff.NextDelay();
  return delay;
}

absl::Status JobTable::ForgetOldDone() {
  const int64_t before = NowNanoseconds() - absl::ToInt64Nanoseconds(keep_done_);
  KH_RETURN_IF_ERROR(old_done_.Bind(1, before).Bind(2, int64_t{kForgetAtOnce}).Run());
  counts_[kDone] -= database_->changes();
  return absl::OkStatus();
}

// --- For operators.

absl::Status JobTable::RetryDead(const std::string& key) {
  SqliteStatement& retry = key.empty() ? retry_all_ : retry_one_;
  retry.Bind(1, NowNanoseconds());
  if (!key.empty()) retry.Bind(2, key);
  KH_RETURN_IF_ERROR(retry.Run());
  const int64_t revived = database_->changes();
  if (revived == 0) return NoDeadJob(key);
  counts_[kDead] -= revived;
  counts_[kReady] += revived;
  wake_up_ = true;
  return absl::OkStatus();
}

absl::Status JobTable::DropDead(const std::string& key) {
  SqliteStatement& drop = key.empty() ? drop_all_ : drop_one_;
  if (!key.empty()) drop.Bind(1, key);
  KH_RETURN_IF_ERROR(drop.Run());
  const int64_t dropped = database_->changes();
  if (dropped == 0) return NoDeadJob(key);
  counts_[kDead] -= dropped;
  return absl::OkStatus();
}

absl::Status JobTable::Remove(const std::string& key) {
  find_.Bind(1, key);
  KH_ASSIGN_OR_RETURN(const bool found, find_.Step());
  if (!found) return NoSuchJob(key);
  const int64_t state = find_.Int(0);
  find_.Reset();
  if (state == kRunning) {
    return absl::FailedPreconditionError(absl::StrCat("job ", key, " is running"));
  }
  KH_RETURN_IF_ERROR(remove_.Bind(1, key).Run());
  --counts_[state];
  return absl::OkStatus();
}

absl::Status JobTable::NextDue(absl::Time* due) {
  *due = absl::InfiniteFuture();
  for (SqliteStatement* first : {&first_ready_, &first_waiting_}) {
    KH_ASSIGN_OR_RETURN(const bool row, first->Step());
    if (row && !first->IsNull(0)) *due = std::min(*due, absl::FromUnixNanos(first->Int(0)));
    first->Reset();
  }
  return absl::OkStatus();
}

absl::Status JobTable::Stats(JobQueueStats* stats) {
  count_due_.Bind(1, NowNanoseconds());
  KH_RETURN_IF_ERROR(count_due_.Step().status());
  const int64_t due_of_waiting = count_due_.Int(0);
  count_due_.Reset();
  *stats = {.pending = counts_[kReady] + counts_[kWaiting],
            .due = counts_[kReady] + due_of_waiting,
            .running = counts_[kRunning],
            .done = counts_[kDone],
            .dead = counts_[kDead]};
  return absl::OkStatus();
}

absl::Status JobTable::StatsByKind(std::vector<JobKindStats>* stats) {
  while (true) {
    KH_ASSIGN_OR_RETURN(const bool row, count_kinds_.Step());
    if (!row) return absl::OkStatus();
    const std::string kind = count_kinds_.Text(0);
    if (stats->empty() || stats->back().kind != kind) stats->push_back({.kind = kind});
    JobKindStats& of_kind = stats->back();
    const int64_t state = count_kinds_.Int(1);
    const int64_t count = count_kinds_.Int(2);
    if (state == kDead) {
      of_kind.dead += count;
      continue;
    }
    (state == kRunning ? of_kind.running : of_kind.pending) += count;
    of_kind.oldest = std::min(of_kind.oldest, absl::FromUnixNanos(count_kinds_.Int(3)));
  }
}

absl::Status JobTable::Get(const std::string& key, Job* job) {
  std::vector<Job> jobs;
  get_.Bind(1, key);
  KH_RETURN_IF_ERROR(ReadJobs(get_, &jobs));
  if (jobs.empty()) return NoSuchJob(key);
  *job = std::move(jobs.front());
  return absl::OkStatus();
}

absl::Status JobTable::List(std::optional<JobState> state, const std::string& after_key, int limit,
                            std::vector<Job>* jobs) {
  SqliteStatement* list = &list_all_;
  if (state == JobState::kPending) {
    list = &list_pending_;
  } else if (state.has_value()) {
    list = &list_state_;
    list->Bind(3, static_cast<int64_t>(*state));
  }
  list->Bind(1, after_key).Bind(2, int64_t{std::max(0, limit)});
  return ReadJobs(*list, jobs);
}

absl::Status JobTable::ReadJobs(SqliteStatement& statement, std::vector<Job>* jobs) {
  while (true) {
    KH_ASSIGN_OR_RETURN(const bool row, statement.Step());
    if (!row) return absl::OkStatus();
    jobs->push_back(ReadJob(statement));
  }
}

Job JobTable::ReadJob(const SqliteStatement& row) {
  const int64_t state = row.Int(4);
  const bool is_done = state == kDone;
  return Job{.key = row.Text(0),
             .kind = row.Text(1),
             .payload = row.Blob(2),
             .priority = static_cast<int>(row.Int(3)),
             .state = state == kWaiting ? JobState::kPending : static_cast<JobState>(state),
             .attempts = static_cast<int>(row.Int(5)),
             .next_attempt = absl::FromUnixNanos(row.Int(6)),
             .enqueued_at = absl::FromUnixNanos(row.Int(7)),
             .updated_at = absl::FromUnixNanos(row.Int(8)),
             .last_error = is_done ? "" : row.Text(9),
             .result = is_done ? row.Text(9) : "",
             .claim_id = row.Int(10),
             .superseded = row.Int(11) != 0};
}

}  // namespace kraken::storage
