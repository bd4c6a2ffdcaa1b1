#include "harbor_bridge/status/work_metrics.h"

#include <algorithm>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "harbor_bridge/harbor/harbor_fault.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

using kraken::storage::JobKindStats;
using kraken::telemetry::Labels;

WorkMetrics::WorkMetrics(kraken::telemetry::Metrics* metrics, const Harbors* harbors,
                         kraken::storage::JobQueue* queue, const HarborWatch* watch)
    : harbors_(harbors), queue_(queue), watch_(watch) {
  for (const Harbor& harbor : harbors->all()) {
    const std::string& name = harbor.name;
    const Labels labels = {{"harbor", name}};
    series_[name] = {
        .done = &metrics->AddCounter("kraken_bridge_jobs_total", "Attempts at jobs.",
                                     {{"harbor", name}, {"result", "done"}}),
        .failed = &metrics->AddCounter("kraken_bridge_jobs_total", "Attempts at jobs.",
                                       {{"harbor", name}, {"result", "failed"}}),
        .latency = &metrics->AddHistogram(
            "kraken_bridge_event_to_warm_seconds",
            "From the newest event of an image to all of its blobs verified on the origins, and on "
            "the agents that are to have it.",
            kraken::telemetry::LatencyBucketsSeconds(), labels),
        .pending = &metrics->AddGauge("kraken_bridge_jobs_pending", "Jobs that wait.", labels),
        .running =
            &metrics->AddGauge("kraken_bridge_jobs_running", "Jobs being worked on.", labels),
        .dead = &metrics->AddGauge("kraken_bridge_dead_letters",
                                   "Jobs that failed for good and wait for an operator.", labels),
        .oldest =
            &metrics->AddGauge("kraken_bridge_oldest_job_seconds",
                               "Age of the oldest job that is not done; 0: there is none.", labels),
        .up = &metrics->AddGauge("kraken_bridge_harbor_up",
                                 "1: the Harbor answers and takes our credentials.", labels),
    };
    for (const api::HarborFault fault : api::kHarborFaults) {
      series_[name].faults.push_back(&metrics->AddGauge(
          "kraken_bridge_harbor_fault", "1: this is what is wrong with the Harbor.",
          {{"harbor", name}, {"fault", std::string(api::NameOf(fault))}}));
    }
  }
  thread_ = std::thread([this] {
    do {
      Sample();
    } while (stop_.WaitFor(kInterval).ok());
  });
}

WorkMetrics::~WorkMetrics() { Stop(); }

void WorkMetrics::Stop() {
  stop_.Cancel();
  if (thread_.joinable()) thread_.join();
}

void WorkMetrics::OnEnd(const kraken::storage::Job& job, const Dispatcher::Result& result) {
  auto it = series_.find(HarborOfLane(job.kind));
  if (it == series_.end()) return;
  (result.ok() ? it->second.done : it->second.failed)->Increment();
  if (!result.ok() || absl::StartsWith(*result, kIgnoredResult)) return;
  it->second.latency->Observe(absl::ToDoubleSeconds(absl::Now() - job.enqueued_at));
}

void WorkMetrics::Sample() {
  const absl::StatusOr<std::vector<JobKindStats>> kinds = queue_->StatsByKind();
  if (!kinds.ok()) {
    kraken::telemetry::LogWarn("the job queue can't be counted", {{"reason", kinds.status()}});
    return;
  }
  const std::vector<HarborHealth> health = watch_->health();
  for (size_t i = 0; i < harbors_->all().size(); ++i) {
    const std::string& name = harbors_->all()[i].name;
    JobKindStats stats;
    for (const JobKindStats& kind : *kinds) {
      if (HarborOfLane(kind.kind) == name) stats = kind;
    }
    const Series& series = series_.find(name)->second;
    series.pending->Set(static_cast<double>(stats.pending));
    series.running->Set(static_cast<double>(stats.running));
    series.dead->Set(static_cast<double>(stats.dead));
    const bool idle = stats.oldest == absl::InfiniteFuture();
    const absl::Duration age = idle ? absl::ZeroDuration() : absl::Now() - stats.oldest;
    series.oldest->Set(std::max(0.0, absl::ToDoubleSeconds(age)));
    series.up->Set(!health[i].unknown && health[i].status.ok() ? 1 : 0);
    for (size_t f = 0; f < series.faults.size(); ++f) {
      series.faults[f]->Set(health[i].fault == api::kHarborFaults[f] ? 1 : 0);
    }
  }
}

}  // namespace harbor_bridge
