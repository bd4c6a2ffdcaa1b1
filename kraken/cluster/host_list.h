#ifndef KRAKEN_CLUSTER_HOST_LIST_H_
#define KRAKEN_CLUSTER_HOST_LIST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/config/cluster_config.h"

namespace kraken::cluster {

// The members of a cluster as `host:port` labels: a fixed list, or a DNS name whose addresses are
// looked up again when `ttl` is over. Does not resolve by itself: it says when to and takes the
// answer, so that it needs neither socket nor clock.
//
// Invariant: once there was an answer there is always a list; failed look-ups keep the last one.
// Not thread-safe.
class HostList {
 public:
  // INVALID_ARGUMENT: not exactly one of dns and static; a host without a port.
  static absl::StatusOr<HostList> Create(const config::HostListConfig& config);

  // Sorted, without duplicates. Empty before the first answer.
  const std::vector<std::string>& hosts() const { return hosts_; }

  // True when `dns_name()` should be looked up. Always false for a static list.
  bool RefreshDue(MonotonicTime now) const;

  // Takes the answer of a look-up of dns_name(): IP addresses without port. An error or an answer
  // without addresses keeps the last list and is tried again after `ttl`.
  // Returns true if hosts() changed.
  bool OnResolved(const absl::StatusOr<std::vector<std::string>>& addresses, MonotonicTime now);

  // What to look up; empty for a static list.
  const std::string& dns_name() const { return dns_name_; }

 private:
  HostList() = default;

  std::string dns_name_;
  std::string port_;
  absl::Duration ttl_;
  MonotonicTime next_refresh_ = MonotonicTime::FromOrigin(-absl::InfiniteDuration());
  std::vector<std::string> hosts_;
};

}  // namespace kraken::cluster

#endif  // KRAKEN_CLUSTER_HOST_LIST_H_
