#include "harbor_bridge/reconcile/reconciler.h"

#include <algorithm>
#include <set>
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
         ReconcileStore* store, ReconcileSink* sink, const kraken::Clock* clock)
      : options_(options),
        target_(std::move(target)),
        store_(store),
        clock_(clock),
        findings_(harbors, target_.harbor, store, sink),
        pacer_(options.requests_per_second, clock,
               [this](absl::Duration delay) { return stop_.WaitFor(delay); }),
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

  // Whether this worker has not yet been told of the instance.
  bool Notice(absl::string_view instance) {
    absl::MutexLock lock(&mu_);
    if (instances_.size() >= static_cast<size_t>(ReconcileStore::kMaxInstances)) {
      instances_.clear();
    }
    return instances_.insert(std::string(instance)).second;
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
  bool IsWanted() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return stopping_ || !reason_.empty(); }

  void Loop() {
    absl::Duration wait = interval();
    while (true) {
      std::string reason = "interval";
      {
        absl::MutexLock lock(&mu_);
        mu_.AwaitWithTimeout(absl::Condition(this, &Worker::IsWanted), wait);
        if (stopping_) return;
        if (!reason_.empty()) reason = std::exchange(reason_, "");
        status_.running = true;
        status_.last_reason = reason;
      }
      const absl::Status status = RunRound();
      if (stop_.cancelled()) return;
      wait = Record(status);
    }
  }

  // Returns how long to rest.
  absl::Duration Record(const absl::Status& ended) {
    const absl::Status& problem =
        target_.api != nullptr ? harbor_walk_.problem() : registry_walk_.problem();
    const absl::Status& error = ended.ok() ? problem : ended;
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
    if (!round.open) {
      // The first round through an API goes no further back than the floor; what is older becomes
      // known in the first full one, as do deletions.
      const bool is_first = round.number == 0;
      ++round.number;
      round.open = true;
      round.full = target_.api == nullptr || (!is_first && WantsFull(now - round.full_ended));
      KH_RETURN_IF_ERROR(store_->PutRound(name(), round));
    }
    if (target_.api != nullptr) {
      KH_RETURN_IF_ERROR(harbor_walk_.Run(round));
    } else {
      KH_RETURN_IF_ERROR(registry_walk_.Run(round));
    }
    round.open = false;
    if (round.full) round.full_ended = clock_->Now();
    return store_->PutRound(name(), round);
  }

  const ReconcileOptions options_;
  const ReconcileTarget target_;
  ReconcileStore* const store_;
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
  std::set<std::string> instances_ ABSL_GUARDED_BY(mu_);
  ReconcileStatus status_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

Reconciler::Reconciler(ReconcileOptions options, const Harbors* harbors,
                       std::vector<ReconcileTarget> targets, ReconcileStore* store,
                       ReconcileSink* sink, const kraken::Clock* clock)
    : store_(store) {
  for (ReconcileTarget& target : targets) {
    workers_.push_back(
        std::make_unique<Worker>(options, harbors, std::move(target), store, sink, clock));
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

void Reconciler::TriggerAll(absl::string_view reason) {
  for (const auto& worker : workers_) worker->Trigger(reason);
}

void Reconciler::OnRegistryInstance(absl::string_view harbor, absl::string_view instance) {
  Worker* worker = Find(harbor);
  if (worker == nullptr || !worker->Notice(instance)) return;
  const absl::StatusOr<bool> is_new = store_->IsNewInstance(harbor, instance);
  if (is_new.ok() && !*is_new) return;
  worker->Trigger("the registry was restarted");
}

std::vector<ReconcileStatus> Reconciler::status() const {
  std::vector<ReconcileStatus> all;
  for (const auto& worker : workers_) all.push_back(worker->status());
  return all;
}

}  // namespace harbor_bridge
