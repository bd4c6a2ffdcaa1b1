#include "harbor_bridge/reconcile/done_watermarks.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

using kraken::storage::JobKindStats;

DoneWatermarks::DoneWatermarks(kraken::storage::JobQueue* queue, std::function<bool()> is_wanted,
                               Publish publish, absl::Duration interval)
    : queue_(queue),
      is_wanted_(std::move(is_wanted)),
      publish_(std::move(publish)),
      interval_(interval),
      thread_([this] { Loop(); }) {}

DoneWatermarks::~DoneWatermarks() { Stop(); }

void DoneWatermarks::OnRound(const std::string& harbor, absl::Time begun) {
  absl::MutexLock lock(&mu_);
  begun_[harbor] = begun;
}

void DoneWatermarks::Stop() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void DoneWatermarks::Loop() {
  while (true) {
    {
      absl::MutexLock lock(&mu_);
      if (mu_.AwaitWithTimeout(absl::Condition(&stopping_), interval_)) return;
      if (begun_.empty()) continue;
    }
    if (is_wanted_()) Look();
  }
}

void DoneWatermarks::Look() {
  // First: what is put into the queue for a round that ends later is no concern of these.
  std::map<std::string, absl::Time> done;
  {
    absl::MutexLock lock(&mu_);
    done = begun_;
  }
  const absl::StatusOr<std::vector<JobKindStats>> kinds = queue_->StatsByKind();
  if (!kinds.ok()) {
    kraken::telemetry::LogWarn("the job queue can't be counted", {{"reason", kinds.status()}});
    return;
  }
  for (const JobKindStats& kind : *kinds) {
    if (kind.pending + kind.running > 0) done.erase(std::string(HarborOfLane(kind.kind)));
  }
  if (done.empty()) return;
  publish_(done);
  absl::MutexLock lock(&mu_);
  for (const auto& [harbor, begun] : done) {
    auto it = begun_.find(harbor);
    if (it != begun_.end() && it->second == begun) begun_.erase(it);
  }
}

}  // namespace harbor_bridge
