#ifndef KRAKEN_AGENT_AGENT_CONFIG_H_
#define KRAKEN_AGENT_AGENT_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/access/access_config.h"
#include "kraken/agent/look_ahead_config.h"
#include "kraken/agent/mirror_rules.h"
#include "kraken/config/cluster_config.h"
#include "kraken/config/listener_config.h"
#include "kraken/daemon/blob_store_config.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/daemon/scheduler_config.h"

namespace kraken::agent {

// Section `store`: Kraken's CADownloadStore.
struct StoreConfig : daemon::BlobStoreConfig {
  StoreConfig() { cache_dir = "/var/cache/kraken/kraken-agent/cache/"; }
};
void ReadConfig(config::ObjectReader& r, StoreConfig* c);

// Limits of downloads that clients wait for; section `downloads`.
struct DownloadConfig {
  // From the request to the first news of the blob. Then the client gets an error in time to go
  // elsewhere.
  absl::Duration metainfo_timeout = absl::Seconds(30);
  // The same as long as no tracker is connected, which is soon over or lasts.
  absl::Duration tracker_timeout = absl::Seconds(3);
  // Without a single new byte of a blob that a client reads.
  absl::Duration progress_timeout = absl::Seconds(60);
};
void ReadConfig(config::ObjectReader& r, DownloadConfig* c);

// An agent's whole configuration, under Kraken's keys.
struct AgentConfig {
  AgentConfig() { access.edges_file = "/var/cache/kraken/kraken-agent/edges"; }

  daemon::CommonConfig common;
  StoreConfig store;
  DownloadConfig downloads;
  daemon::SchedulerConfig scheduler;
  // registry.docker.http: where the registry listens, unless the flag says otherwise.
  config::ListenerConfig registry;
  // Registries that this agent stands in for; section `mirrors`.
  std::vector<MirrorRule> mirrors;
  // Who may pull.
  access::AccessConfig access;
  LookAheadConfig look_ahead;
  config::PassiveHashRingConfig tracker;
  config::PassiveHostsConfig build_index;
  daemon::CompatConfig compat;
};
void ReadConfig(config::ObjectReader& r, AgentConfig* c);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_CONFIG_H_
