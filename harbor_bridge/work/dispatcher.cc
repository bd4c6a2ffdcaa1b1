#include "harbor_bridge/work/dispatcher.h"

#include <utility>

#include "absl/time/time.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

// Jobs whose time has come without anybody's saying so (after a backoff) are found within this.
constexpr absl::Duration kTick = absl::Milliseconds(200);
constexpr size_t kMaxQueuedRuns = 1024;

bool CanGetBetter(const absl::Status& status) {
  return !absl::IsInvalidArgument(status) && !absl::IsUnimplemented(status) &&
         !absl::IsFailedPrecondition(status);
}

int AllSlots(const std::vector<Lane>& lanes) {
  int slots = 0;
  for (const Lane& lane : lanes) slots += lane.slots;
  return slots;
}

}  // namespace

Dispatcher::Dispatcher(kraken::net::EventLoop* loop, kraken::storage::JobQueue* queue,
                       std::vector<Lane> lanes, Run run, OnEnd on_end)
    : loop_(loop),
      queue_(queue),
      lanes_(std::move(lanes)),
      run_(std::move(run)),
      on_end_(std::move(on_end)),
      workers_(AllSlots(lanes_), kMaxQueuedRuns, "work"),
      states_(lanes_.size()),
      alive_(std::make_shared<Dispatcher*>(this)),
      stats_(lanes_.size()) {
  queue_->SetWakeUp([alive = alive_, handle = loop_->handle()] {
    handle.Post([alive] {
      if (*alive != nullptr) (*alive)->FillAll();
    });
  });
}

Dispatcher::~Dispatcher() {
  *alive_ = nullptr;
  loop_->CancelTimer(tick_timer_);
}

void Dispatcher::Start() {
  started_ = true;
  Tick();
}

void Dispatcher::SetActive(bool active) {
  active_ = active;
  if (active) return FillAll();
  absl::MutexLock lock(&mu_);
  for (auto& [key, running] : running_) {
    running.cut_off = true;
    running.cancellation.Cancel();
  }
}

void Dispatcher::Tick() {
  FillAll();
  tick_timer_ = loop_->RunAfter(kTick, [this] { Tick(); });
}

void Dispatcher::FillAll() {
  for (size_t lane = 0; lane < lanes_.size(); ++lane) Fill(lane);
}

void Dispatcher::Fill(size_t lane) {
  LaneState& state = states_[lane];
  if (state.asking) {
    state.ask_again = true;
    return;
  }
  const int free = lanes_[lane].slots - state.taken;
  if (!started_ || !active_ || free <= 0 || stopping()) return;
  state.taken += free;
  state.asking = true;
  queue_->Claim(free, lanes_[lane].kind,
                [alive = alive_, handle = loop_->handle(), lane,
                 free](absl::StatusOr<std::vector<kraken::storage::Job>> jobs) {
                  handle.Post([alive, lane, jobs = std::move(jobs), free]() mutable {
                    if (*alive != nullptr) (*alive)->OnClaimed(lane, std::move(jobs), free);
                  });
                });
}

void Dispatcher::OnClaimed(size_t lane, absl::StatusOr<std::vector<kraken::storage::Job>> jobs,
                           int asked_for) {
  LaneState& state = states_[lane];
  state.asking = false;
  if (!jobs.ok()) {
    state.taken -= asked_for;
    state.ask_again = false;
    kraken::telemetry::LogError("the job queue can't be read", {{"reason", jobs.status()}});
    return;
  }
  state.taken -= asked_for - static_cast<int>(jobs->size());
  for (const kraken::storage::Job& job : *jobs) RunJob(lane, job);
  if (std::exchange(state.ask_again, false)) Fill(lane);
}

void Dispatcher::RunJob(size_t lane, const kraken::storage::Job& job) {
  Running running;
  {
    absl::MutexLock lock(&mu_);
    ++stats_[lane].running;
    if (stopping_ || !active_) running.cancellation.Cancel();
    running.cut_off = !active_;
    running_[job.key] = running;
  }
  const absl::Status submitted =
      workers_.Submit([alive = alive_, handle = loop_->handle(), run = run_,
                       cancellation = running.cancellation, lane, job] {
        const Result result =
            cancellation.cancelled() ? Result(cancellation.status()) : run(job, cancellation);
        handle.Post([alive, lane, job, result] {
          if (*alive != nullptr) (*alive)->OnFinished(lane, job, result);
        });
      });
  if (!submitted.ok()) OnFinished(lane, job, submitted);
}

void Dispatcher::OnFinished(size_t lane, const kraken::storage::Job& job, const Result& result) {
  --states_[lane].taken;
  bool cancelled = false;
  bool given_up = false;
  bool given_back = false;
  {
    absl::MutexLock lock(&mu_);
    --stats_[lane].running;
    auto it = running_.find(job.key);
    bool cut_off = absl::IsAborted(result.status());
    if (it != running_.end()) {
      cancelled = it->second.by_operator;
      cut_off |= it->second.cut_off;
      running_.erase(it);
    }
    given_up = stopping_ && !result.ok() && !cancelled;
    given_back = cut_off && !result.ok() && !cancelled;
    if (!given_up && !given_back) ++(result.ok() ? stats_[lane].done : stats_[lane].failed);
  }
  // A job that was given up stays claimed: the next start finds it pending.
  if (given_up) return;
  if (given_back) {
    GiveBack(job);
  } else {
    StoreEnd(job, result, cancelled);
    if (on_end_) on_end_(job, result);
  }
  Fill(lane);
}

void Dispatcher::GiveBack(const kraken::storage::Job& job) {
  queue_->Return(job.key, job.claim_id, [key = job.key](const absl::Status& stored) {
    if (!stored.ok()) {
      kraken::telemetry::LogError("a job can't be given back; it waits for the next start",
                                  {{"job", key}, {"reason", stored}});
    }
  });
}

void Dispatcher::StoreEnd(const kraken::storage::Job& job, const Result& result, bool cancelled) {
  const auto log_loss = [key = job.key](const absl::Status& stored) {
    if (!stored.ok()) {
      kraken::telemetry::LogError("a job's end can't be stored; it will run again",
                                  {{"job", key}, {"reason", stored}});
    }
  };
  if (result.ok()) {
    kraken::telemetry::LogInfo("job done",
                               {{"job", job.key}, {"attempts", job.attempts}, {"result", *result}});
    queue_->Complete(job.key, job.claim_id, *result, log_loss);
    return;
  }
  const absl::Status why =
      cancelled ? absl::CancelledError("cancelled by an operator") : result.status();
  kraken::telemetry::LogWarn("job failed",
                             {{"job", job.key}, {"attempts", job.attempts}, {"reason", why}});
  queue_->Fail(job.key, job.claim_id, why.ToString(), !cancelled && CanGetBetter(why), log_loss);
}

bool Dispatcher::Cancel(const std::string& key) {
  absl::MutexLock lock(&mu_);
  auto it = running_.find(key);
  if (it == running_.end()) return false;
  it->second.by_operator = true;
  it->second.cancellation.Cancel();
  return true;
}

std::vector<LaneStats> Dispatcher::stats() const {
  absl::MutexLock lock(&mu_);
  return stats_;
}

bool Dispatcher::stopping() const {
  absl::MutexLock lock(&mu_);
  return stopping_;
}

void Dispatcher::StopAndWait() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
    for (auto& [key, running] : running_) running.cancellation.Cancel();
  }
  workers_.Shutdown();
}

}  // namespace harbor_bridge
