#include "harbor_bridge/work/dispatcher.h"

#include <utility>
#include <vector>

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

}  // namespace

Dispatcher::Dispatcher(kraken::net::EventLoop* loop, kraken::storage::JobQueue* queue, int workers,
                       Run run)
    : loop_(loop),
      queue_(queue),
      max_running_(workers),
      run_(std::move(run)),
      workers_(workers, kMaxQueuedRuns, "work"),
      alive_(std::make_shared<Dispatcher*>(this)) {
  queue_->SetWakeUp([alive = alive_, handle = loop_->handle()] {
    handle.Post([alive] {
      if (*alive != nullptr) (*alive)->Fill();
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

void Dispatcher::Tick() {
  Fill();
  tick_timer_ = loop_->RunAfter(kTick, [this] { Tick(); });
}

void Dispatcher::Fill() {
  const int free = max_running_ - taken_;
  if (!started_ || stop_.cancelled() || free <= 0) return;
  taken_ += free;
  queue_->Claim(free, "",
                [alive = alive_, handle = loop_->handle(),
                 free](absl::StatusOr<std::vector<kraken::storage::Job>> jobs) {
                  handle.Post([alive, jobs = std::move(jobs), free]() mutable {
                    if (*alive != nullptr) (*alive)->OnClaimed(std::move(jobs), free);
                  });
                });
}

void Dispatcher::OnClaimed(absl::StatusOr<std::vector<kraken::storage::Job>> jobs, int asked_for) {
  if (!jobs.ok()) {
    taken_ -= asked_for;
    kraken::telemetry::LogError("the job queue can't be read", {{"reason", jobs.status()}});
    return;
  }
  taken_ -= asked_for - static_cast<int>(jobs->size());
  for (const kraken::storage::Job& job : *jobs) RunJob(job);
}

void Dispatcher::RunJob(const kraken::storage::Job& job) {
  ++stats_.running;
  const absl::Status submitted =
      workers_.Submit([alive = alive_, handle = loop_->handle(), run = run_, stop = stop_, job] {
        const absl::Status status = stop.cancelled() ? stop.status() : run(job, stop);
        handle.Post([alive, job, status] {
          if (*alive != nullptr) (*alive)->OnFinished(job, status);
        });
      });
  if (!submitted.ok()) OnFinished(job, submitted);
}

void Dispatcher::OnFinished(const kraken::storage::Job& job, const absl::Status& status) {
  --taken_;
  --stats_.running;
  // A job that was given up stays claimed: the next start finds it pending.
  if (stop_.cancelled() && !status.ok()) return;
  const auto log_loss = [key = job.key](const absl::Status& stored) {
    if (!stored.ok()) {
      kraken::telemetry::LogError("a job's end can't be stored; it will run again",
                                  {{"job", key}, {"reason", stored}});
    }
  };
  if (status.ok()) {
    ++stats_.done;
    kraken::telemetry::LogInfo("job done", {{"job", job.key}, {"attempts", job.attempts}});
    queue_->Complete(job.key, job.claim_id, log_loss);
  } else {
    ++stats_.failed;
    kraken::telemetry::LogWarn("job failed",
                               {{"job", job.key}, {"attempts", job.attempts}, {"reason", status}});
    queue_->Fail(job.key, job.claim_id, status.ToString(), CanGetBetter(status), log_loss);
  }
  Fill();
}

void Dispatcher::StopAndWait() {
  stop_.Cancel();
  workers_.Shutdown();
}

}  // namespace harbor_bridge
