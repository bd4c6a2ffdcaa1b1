#include "kraken/cluster/health_check.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/config/cluster_config.h"

namespace kraken::cluster {

ActiveHealthFilter::ActiveHealthFilter(const config::ActiveHealthCheckConfig& config)
    : config_(config) {}

void ActiveHealthFilter::SetMembers(absl::Span<const std::string> hosts) {
  const absl::flat_hash_set<absl::string_view> members(hosts.begin(), hosts.end());
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    if (members.contains(it->first)) {
      ++it;
    } else {
      hosts_.erase(it++);
    }
  }
  for (const std::string& host : hosts) hosts_.try_emplace(host);
}

void ActiveHealthFilter::Record(absl::string_view host, bool passed) {
  const auto it = hosts_.find(host);
  if (it == hosts_.end()) return;
  HostState& state = it->second;
  if (passed) {
    state.trend = std::min(std::max(state.trend, 0) + 1, config_.filter.passes);
    if (state.trend >= config_.filter.passes) state.healthy = true;
  } else {
    state.trend = std::max(std::min(state.trend, 0) - 1, -config_.filter.fails);
    if (state.trend <= -config_.filter.fails) state.healthy = false;
  }
}

std::vector<std::string> ActiveHealthFilter::Healthy() const {
  std::vector<std::string> healthy;
  for (const auto& [host, state] : hosts_) {
    if (state.healthy || config_.disabled || hosts_.size() == 1) healthy.push_back(host);
  }
  std::sort(healthy.begin(), healthy.end());
  return healthy;
}

PassiveHealthFilter::PassiveHealthFilter(const config::PassiveHealthCheckConfig& config)
    : config_(config) {}

void PassiveHealthFilter::RecordFailure(absl::string_view host, MonotonicTime now) {
  absl::MutexLock lock(&mutex_);
  HostState& state = hosts_[host];
  // While a host is out of use, a straggler's failure must not extend its time.
  if (now < state.unhealthy_until) return;
  while (!state.failures.empty() && state.failures.front() <= now - config_.fail_timeout) {
    state.failures.pop_front();
  }
  state.failures.push_back(now);
  if (static_cast<int>(state.failures.size()) < config_.fails) return;
  state.unhealthy_until = now + config_.fail_timeout;
  state.failures.clear();
}

std::vector<std::string> PassiveHealthFilter::Healthy(absl::Span<const std::string> hosts,
                                                      MonotonicTime now) {
  absl::MutexLock lock(&mutex_);
  // Hosts that left (pod addresses come and go) must not pile up.
  const absl::flat_hash_set<absl::string_view> members(hosts.begin(), hosts.end());
  for (auto it = hosts_.begin(); it != hosts_.end();) {
    if (members.contains(it->first)) {
      ++it;
    } else {
      hosts_.erase(it++);
    }
  }
  std::vector<std::string> healthy;
  for (const std::string& host : hosts) {
    const auto it = hosts_.find(host);
    if (it == hosts_.end() || now >= it->second.unhealthy_until) healthy.push_back(host);
  }
  if (healthy.empty()) healthy.assign(hosts.begin(), hosts.end());
  return healthy;
}

}  // namespace kraken::cluster
