#include "harbor_bridge/status/harbor_watch.h"

#include "absl/time/clock.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

HarborWatch::HarborWatch(const Harbors* harbors, absl::Duration interval)
    : harbors_(harbors), interval_(interval), health_(harbors->all().size()) {
  for (size_t i = 0; i < harbors->all().size(); ++i) {
    threads_.emplace_back([this, i] { Watch(i); });
  }
}

HarborWatch::~HarborWatch() { Stop(); }

void HarborWatch::Stop() {
  stop_.Cancel();
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void HarborWatch::Watch(size_t index) {
  const Harbor& harbor = harbors_->all()[index];
  do {
    const absl::Status status = harbor.client->Ping(stop_);
    if (stop_.cancelled()) return;
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mu_);
    HarborHealth& health = health_[index];
    if (health.unknown || health.status.code() != status.code()) {
      health.since = now;
      if (!status.ok()) {
        kraken::telemetry::LogWarn("Harbor is not well",
                                   {{"harbor", harbor.name}, {"reason", status}});
      }
    }
    health.unknown = false;
    health.status = status;
    health.asked_at = now;
  } while (stop_.WaitFor(interval_).ok());
}

std::vector<HarborHealth> HarborWatch::health() const {
  absl::MutexLock lock(&mu_);
  return health_;
}

}  // namespace harbor_bridge
