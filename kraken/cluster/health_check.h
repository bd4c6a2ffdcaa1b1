#ifndef KRAKEN_CLUSTER_HEALTH_CHECK_H_
#define KRAKEN_CLUSTER_HEALTH_CHECK_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/config/cluster_config.h"

namespace kraken::cluster {

// Who is healthy, decided from results that others bring: no sockets and no clock here. The rules
// are Kraken's; where Kraken forgot to forget a host that left (so that it came back as unhealthy),
// this does not.

// Turns the results of health probes into a set of healthy hosts. A new host is healthy until it
// has failed often enough. A host that is alone is always healthy: there is nobody else to ask.
// If all hosts are unhealthy, none is returned.
//
// Not thread-safe: owned by the loop that probes.
class ActiveHealthFilter {
 public:
  explicit ActiveHealthFilter(const config::ActiveHealthCheckConfig& config);

  // Sets who is a member now. New members start healthy; who left is forgotten.
  void SetMembers(absl::Span<const std::string> hosts);

  // The outcome of one probe. A host that is no member is ignored.
  void Record(absl::string_view host, bool passed);

  // The healthy members, sorted.
  std::vector<std::string> Healthy() const;

 private:
  struct HostState {
    bool healthy = true;
    // Positive: successes in a row; negative: failures in a row.
    int trend = 0;
  };

  const config::ActiveHealthCheckConfig config_;
  absl::flat_hash_map<std::string, HostState> hosts_;
};

// Learns from the errors of real requests: `fails` network errors within `fail_timeout` take a host
// out of use for as long. If all hosts are unhealthy, all are used: a guess at a
// host that may have recovered beats no answer.
//
// Thread-safe.
class PassiveHealthFilter {
 public:
  explicit PassiveHealthFilter(const config::PassiveHealthCheckConfig& config);

  // A request to `host` failed on the network (not: was answered with an error status).
  void RecordFailure(absl::string_view host, MonotonicTime now);

  // Those of `hosts` that are in use now, in the given order.
  std::vector<std::string> Healthy(absl::Span<const std::string> hosts, MonotonicTime now);

 private:
  struct HostState {
    std::deque<MonotonicTime> failures;  // At most `fails`, oldest first.
    MonotonicTime unhealthy_until = MonotonicTime::FromOrigin(-absl::InfiniteDuration());
  };

  const config::PassiveHealthCheckConfig config_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, HostState> hosts_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_HEALTH_CHECK_H_
