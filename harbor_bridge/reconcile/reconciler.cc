#include "harbor_bridge/reconcile/reconciler.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/reconcile/findings.h"
#include "harbor_bridge/reconcile/harbor_walk.h"
#include "harbor_bridge/reconcile/pacer.h"
#include "harbor_bridge/reconcile/registry_walk.h"
#include "kraken/base/backoff.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/registry/cancellation.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

// However often events are lost, everything is read no more often than this.
constexpr absl::Duration kMinFullInterval = absl::Hours(1);

}  // namespace

// One Harbor and its thread.
class Reconciler::Worker {
 public:
  Worker(const ReconcileOptions& options, const Harbors* harbors, ReconcileTarget target,
         ReconcileStore* store, ReconcileSink* sink, OnRound on_round, const kraken::Clock* clock)
      : options_(options),
        target_(std::move(target)),
        store_(store),
        on_round_(std::move(on_round)),
        clock_(clock),
        findings_(harbors, target_.harbor, store, sink),
        pacer_(options.requests_per_second, clock,
               [this](absl::Duration delay) {
                 return may_run() ? stop_.WaitFor(delay) : absl::CancelledError("standby");
               }),
        harbor_walk_(target_.api.get(), store, &findings_, &pacer_),
        registry_walk_(target_.harbor->name, target_.harbor->client.get(), store, &findings_,
                       &pacer_, stop_),
        backoff_({.initial_interval = std::min(options.retry_interval, interval()),
                  .max_interval = interval()},
                 &bits_) {
    status_.harbor = target_.harbor->name;
    status_.through_api = target_.api != nullptr;
    if (options_.on_start) reason_ = "start";
  }

  const std::string& name() const { return target_.harbor->name; }

  void Start() {
    thread_ = std::thread([this] { Loop(); });
  }
  void Stop() {
    stop_.Cancel();
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  void Trigger(absl::string_view reason) {
    absl::MutexLock lock(&mu_);
    reason_ = std::string(reason);
    events_were_lost_ = true;
  }

  void SetActive(bool active) {
    absl::MutexLock lock(&mu_);
    active_ = active || target_.api == nullptr;
  }

  void TakeOver(std::optional<absl::Time> done_until) {
    absl::MutexLock lock(&mu_);
    active_ = true;
    ++take_overs_;
    done_until_ = done_until;
    reason_ = "take-over";
    events_were_lost_ = true;
  }

  ReconcileStatus status() const {
    absl::MutexLock lock(&mu_);
    ReconcileStatus status = status_;
    status.requests = pacer_.requests();
    status.found = findings_.found();
    status.gone = findings_.gone();
    return status;
  }

 private:
  absl::Duration interval() const {
    return target_.api != nullptr ? options_.interval : options_.registry_interval;
  }
  bool IsWanted() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stopping_ || (active_ && !reason_.empty());
  }
  bool IsUrgent() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stopping_ || take_overs_ != heeded_take_overs_;
  }
  bool MayRun() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stopping_ || active_; }
  bool may_run() const {
    absl::MutexLock lock(&mu_);
    return MayRun();
  }

  void Loop() {
    absl::Duration wait = interval();
    absl::Duration rest;
    while (true) {
      std::string reason = "interval";
      {
        absl::MutexLock lock(&mu_);
        // However many triggers there are, Harbor has its peace between two rounds.
        mu_.AwaitWithTimeout(absl::Condition(this, &Worker::IsUrgent), rest);
        mu_.AwaitWithTimeout(absl::Condition(this, &Worker::IsWanted), wait);
        mu_.Await(absl::Condition(this, &Worker::MayRun));
        if (stopping_) return;
        if (!reason_.empty()) reason = std::exchange(reason_, "");
        status_.running = true;
        status_.last_reason = reason;
      }
      const absl::Status status = RunRound();
      if (stop_.cancelled()) return;
      if (!status.ok() && !may_run()) {
        absl::MutexLock lock(&mu_);
        status_.running = false;
        continue;
      }
      wait = Record(status);
      rest = std::min(options_.trigger_spacing, wait);
    }
  }

  // Returns how long to rest.
  absl::Duration Record(const absl::Status& ended) {
    const absl::Status& error = ended.ok() ? problem() : ended;
    if (!error.ok()) {
      kraken::telemetry::LogWarn("reconciliation has trouble",
                                 {{"harbor", name()}, {"reason", error}});
    }
    absl::MutexLock lock(&mu_);
    status_.running = false;
    status_.last_error = error;
    if (!ended.ok()) {
      ++status_.failures;
      return backoff_.NextDelay().value_or(interval());
    }
    ++status_.rounds;
    status_.last_ended = clock_->Now();
    backoff_.Reset();
    return interval();
  }

  // Whether a round that begins so long after the last full one is to be full: only such a one
  // finds every kind of event that was lost.
  bool WantsFull(absl::Duration since_full) {
    absl::MutexLock lock(&mu_);
    const bool lost = std::exchange(events_were_lost_, false);
    return since_full >= options_.full_interval ||
           (lost && since_full >= std::min(kMinFullInterval, options_.full_interval));
  }

  absl::Status RunRound() {
    KH_ASSIGN_OR_RETURN(RoundState round, store_->GetRound(name()));
    const absl::Time now = clock_->Now();
    if (round.number == 0) {
      round.floor = now - options_.look_back;
    }
    const int take_over = PrepareTakeOver(round);
    if (!round.open) {
      // The first round through an API goes no further back than the floor; what is older becomes
      // known in the first full one, as do deletions.
      const bool is_first = round.number == 0;
      ++round.number;
      round.open = true;
      round.full = target_.api == nullptr || (!is_first && WantsFull(now - round.full_ended));
      KH_RETURN_IF_ERROR(store_->PutRound(name(), round));
      begun_number_ = round.number;
      begun_ = now;
    }
    if (take_over > 0) HeedTakeOver(take_over);
    if (target_.api != nullptr) {
      KH_RETURN_IF_ERROR(harbor_walk_.Run(round));
    } else {
      KH_RETURN_IF_ERROR(registry_walk_.Run(round));
    }
    round.open = false;
    if (round.full) round.full_ended = clock_->Now();
    KH_RETURN_IF_ERROR(store_->PutRound(name(), round));
    // When a round of a former process began, nobody knows.
    if (on_round_ && problem().ok() && begun_number_ == round.number) on_round_(name(), begun_);
    return absl::OkStatus();
  }

  // After a take-over the round is a new one, whatever was under way before, and looks no further
  // back than to where the other bridge was done. The number of the take-over; 0: there is none to
  // be heeded.
  int PrepareTakeOver(RoundState& round) {
    absl::MutexLock lock(&mu_);
    if (take_overs_ == heeded_take_overs_) return 0;
    round.open = false;
    if (done_until_.has_value()) {
      const absl::Time floor = *done_until_ - kClockMargin;
      round.floor = round.number == 0 ? floor : std::max(round.floor, floor);
    }
    return take_overs_;
  }
  // A round that knows of it is written down.
  void HeedTakeOver(int number) {
    absl::MutexLock lock(&mu_);
    heeded_take_overs_ = number;
  }

  const absl::Status& problem() const {
    return target_.api != nullptr ? harbor_walk_.problem() : registry_walk_.problem();
  }

  const ReconcileOptions options_;
  const ReconcileTarget target_;
  ReconcileStore* const store_;
  const OnRound on_round_;
  const kraken::Clock* const clock_;
  kraken::registry::Cancellation stop_;
  kraken::SystemBitGen bits_;
  Findings findings_;
  Pacer pacer_;
  HarborWalk harbor_walk_;
  RegistryWalk registry_walk_;
  kraken::Backoff backoff_;
  mutable absl::Mutex mu_;
  std::string reason_ ABSL_GUARDED_BY(mu_);
  bool events_were_lost_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool active_ ABSL_GUARDED_BY(mu_) = true;
  int take_overs_ ABSL_GUARDED_BY(mu_) = 0;
  int heeded_take_overs_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<absl::Time> done_until_ ABSL_GUARDED_BY(mu_);
  ReconcileStatus status_ ABSL_GUARDED_BY(mu_);
  // The last round that began in this process, and when; its thread's.
  int64_t begun_number_ = 0;
  absl::Time begun_;
  std::thread thread_;
};

Reconciler::Reconciler(ReconcileOptions options, const Harbors* harbors,
                       std::vector<ReconcileTarget> targets, ReconcileStore* store,
                       ReconcileSink* sink, OnRound on_round, const kraken::Clock* clock) {
  for (ReconcileTarget& target : targets) {
    workers_.push_back(std::make_unique<Worker>(options, harbors, std::move(target), store, sink,
                                                on_round, clock));
  }
}

Reconciler::~Reconciler() { StopAndWait(); }

void Reconciler::Start() {
  for (const auto& worker : workers_) worker->Start();
}

void Reconciler::StopAndWait() {
  for (const auto& worker : workers_) worker->Stop();
  for (const auto& worker : workers_) worker->Join();
}

Reconciler::Worker* Reconciler::Find(absl::string_view harbor) const {
  for (const auto& worker : workers_) {
    if (worker->name() == harbor) return worker.get();
  }
  return nullptr;
}

void Reconciler::Trigger(absl::string_view harbor, absl::string_view reason) {
  if (Worker* worker = Find(harbor)) worker->Trigger(reason);
}

void Reconciler::SetActive(bool active) {
  for (const auto& worker : workers_) worker->SetActive(active);
}

void Reconciler::TakeOver(const std::map<std::string, absl::Time>& done_until) {
  for (const auto& worker : workers_) {
    auto it = done_until.find(worker->name());
    worker->TakeOver(it == done_until.end() ? std::nullopt : std::optional(it->second));
  }
}

void Reconciler::TriggerAll(absl::string_view reason) {
  for (const auto& worker : workers_) worker->Trigger(reason);
}

std::vector<ReconcileStatus> Reconciler::status() const {
  std::vector<ReconcileStatus> all;
  for (const auto& worker : workers_) all.push_back(worker->status());
  return all;
}

}  // namespace harbor_bridge
