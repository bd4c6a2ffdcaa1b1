#ifndef HARBOR_BRIDGE_BRIDGE_CONFIG_H_
#define HARBOR_BRIDGE_BRIDGE_CONFIG_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "harbor_bridge/lease/lease_config.h"
#include "harbor_bridge/reconcile/reconcile_options.h"
#include "harbor_bridge/routing/route_config.h"
#include "kraken/backend/backend_config.h"
#include "kraken/config/cluster_config.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/daemon/common_config.h"
#include "kraken/registry/platform.h"

namespace re2 {
class RE2;
}

namespace harbor_bridge {

// Each has its slots for work and its series of metrics.
inline constexpr size_t kMaxHarbors = 64;

// One entry of `harbors`.
struct HarborConfig {
  std::string name;
  // Repositories of this Harbor that users name without a host; the first Harbor that matches
  // counts.
  std::shared_ptr<const re2::RE2> pattern;  // key `namespace`
  // How users name its other repositories. May be empty.
  std::string host;
  // What its requests must bring as Authorization; empty: nothing.
  std::string authorization;
  kraken::backend::RegistryConfig registry;
  // Harbor's API v2.0. Where the registry's address is Harbor's own, `api: {}` is all: without an
  // address, address, credentials and TLS are the registry's. Nothing: only a bare registry is
  // there.
  std::optional<kraken::backend::RegistryConfig> api;
  // Images of it that are worked on at a time; 0: `work.concurrency`.
  int concurrency = 0;
};
void ReadConfig(kraken::config::ObjectReader& r, HarborConfig* c);

// Section `work`.
struct WorkConfig {
  // The directory of the journal and the job queue.
  std::string dir = "/var/lib/kraken/harbor-bridge";
  // Images of one Harbor that are worked on at a time.
  int concurrency = 8;
  // Attempts after the first, before a job is a dead letter.
  int max_retries = 12;
  // For all agents of one preheat to have the image.
  absl::Duration agents_timeout = absl::Minutes(15);
};
void ReadConfig(kraken::config::ObjectReader& r, WorkConfig* c);

// One entry of `clusters`: another cluster, which rules may replicate images to.
struct ClusterConfig {
  std::string name;
  kraken::config::ActiveHostsConfig origin;
  kraken::config::HashRingConfig hashring;
  kraken::config::PassiveHostsConfig build_index;
  // Key `names`: `host`, as there plain names are its own Harbors', or `plain`, as here.
  bool names_with_host = true;
};
void ReadConfig(kraken::config::ObjectReader& r, ClusterConfig* c);

// Section `reconcile`.
struct ReconcileConfig {
  bool enabled = true;
  ReconcileOptions options;
};
void ReadConfig(kraken::config::ObjectReader& r, ReconcileConfig* c);

struct BridgeConfig {
  kraken::daemon::CommonConfig common;
  // How Harbors reach this bridge: "http://harbor-bridge:10050". Only `register`, `unregister` and
  // `doctor` need it.
  std::string url;
  // The bridge's own port speaks TLS with `tls.server`'s certificate only if this says so: a
  // registry trusts no private authority.
  bool listen_tls = false;
  std::vector<HarborConfig> harbors;
  // Which images of an index are cached, "linux/amd64"; empty: all.
  std::vector<kraken::registry::Platform> platforms;
  kraken::config::ActiveHostsConfig origin;
  kraken::config::HashRingConfig hashring;
  kraken::config::PassiveHostsConfig build_index;
  // The way to agents; without hosts they are given no orders.
  kraken::config::PassiveHostsConfig tracker;
  WorkConfig work;
  ReconcileConfig reconcile;
  // Nothing: this is the only bridge.
  std::optional<LeaseConfig> lease;
  std::vector<RouteRule> routes;
  std::vector<ClusterConfig> clusters;
  kraken::daemon::AdminConfig admin;
};
void ReadConfig(kraken::config::ObjectReader& r, BridgeConfig* c);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_BRIDGE_CONFIG_H_
