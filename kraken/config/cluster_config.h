#ifndef KRAKEN_CONFIG_CLUSTER_CONFIG_H_
#define KRAKEN_CONFIG_CLUSTER_CONFIG_H_

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace kraken::config {

class ObjectReader;

// The hosts of a cluster: exactly one of a DNS name and a fixed list.
struct HostListConfig {
  std::string dns;                        // "host:port", resolved again after each `ttl`.
  std::vector<std::string> static_hosts;  // "host:port" each; key `static`.
  absl::Duration ttl = absl::Seconds(5);

  bool empty() const { return dns.empty() && static_hosts.empty(); }
};
void ReadConfig(ObjectReader& r, HostListConfig* c);

// When a host that is asked counts as down and as up again.
struct HealthFilterConfig {
  int fails = 3;
  int passes = 2;
  absl::Duration timeout = absl::Seconds(3);
};
void ReadConfig(ObjectReader& r, HealthFilterConfig* c);

// Active checks: GET /health of all hosts.
struct ActiveHealthCheckConfig {
  bool disabled = false;
  HealthFilterConfig filter;
  absl::Duration monitor_interval = absl::Seconds(10);  // Key `monitor.interval`.
};
void ReadConfig(ObjectReader& r, ActiveHealthCheckConfig* c);

// Passive checks: `fails` network errors within `fail_timeout` make a host count as down for that
// long.
struct PassiveHealthCheckConfig {
  int fails = 3;
  absl::Duration fail_timeout = absl::Minutes(5);
};
void ReadConfig(ObjectReader& r, PassiveHealthCheckConfig* c);

struct HashRingConfig {
  int max_replica = 3;
  absl::Duration refresh_interval = absl::Seconds(10);
  absl::Duration membership_wait_timeout = absl::Minutes(1);
  absl::Duration membership_wait_interval = absl::Milliseconds(500);
};
void ReadConfig(ObjectReader& r, HashRingConfig* c);

// `origin`, the proxy's `build_index`, the build-index's `cluster`.
struct ActiveHostsConfig {
  HostListConfig hosts;
  ActiveHealthCheckConfig healthcheck;
};
void ReadConfig(ObjectReader& r, ActiveHostsConfig* c);

// The agent's `build_index`.
struct PassiveHostsConfig {
  HostListConfig hosts;
  PassiveHealthCheckConfig healthcheck;
};
void ReadConfig(ObjectReader& r, PassiveHostsConfig* c);

// The agent's `tracker`.
struct PassiveHashRingConfig {
  HostListConfig hosts;
  PassiveHealthCheckConfig healthcheck;
  HashRingConfig hashring;
};
void ReadConfig(ObjectReader& r, PassiveHashRingConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_CLUSTER_CONFIG_H_
