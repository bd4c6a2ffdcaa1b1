#include "harbor_bridge/status/harbor_watch.h"

#include <utility>

#include "absl/time/clock.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

HarborWatch::HarborWatch(std::vector<WatchedHarbor> harbors, absl::Duration interval)
    : harbors_(std::move(harbors)), interval_(interval), health_(harbors_.size()) {
  for (size_t i = 0; i < harbors_.size(); ++i) {
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

HarborHealth HarborWatch::Ask(const WatchedHarbor& harbor) {
  HarborHealth health{.unknown = false};
  health.status = harbor.registry->Ping(stop_);
  if (!health.status.ok()) {
    health.fault = api::FaultOfRegistry(health.status);
    health.cure = api::CureOf(*health.fault, "harbors[].registry");
    return health;
  }
  if (harbor.api == nullptr || stop_.cancelled()) return health;
  health.status = harbor.api->CheckCredentials();
  if (!health.status.ok()) {
    health.fault = api::FaultOfApi(health.status);
    health.cure = api::CureOf(*health.fault, "harbors[].api");
  }
  return health;
}

void HarborWatch::Watch(size_t index) {
  const WatchedHarbor& harbor = harbors_[index];
  do {
    HarborHealth now = Ask(harbor);
    if (stop_.cancelled()) return;
    now.asked_at = absl::Now();
    absl::MutexLock lock(&mu_);
    HarborHealth& before = health_[index];
    const bool is_news = before.unknown || before.fault != now.fault;
    now.since = is_news ? now.asked_at : before.since;
    if (is_news && now.fault.has_value()) {
      kraken::telemetry::LogWarn("Harbor is not well", {{"harbor", harbor.name},
                                                        {"fault", api::NameOf(*now.fault)},
                                                        {"reason", now.status},
                                                        {"cure", now.cure}});
    }
    before = std::move(now);
  } while (stop_.WaitFor(interval_).ok());
}

std::vector<HarborHealth> HarborWatch::health() const {
  absl::MutexLock lock(&mu_);
  return health_;
}

}  // namespace harbor_bridge
