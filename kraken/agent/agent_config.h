#ifndef KRAKEN_AGENT_AGENT_CONFIG_H_
#define KRAKEN_AGENT_AGENT_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/access/access_config.h"
#include "kraken/agent/look_ahead_config.h"
#include "kraken/agent/mirror_rules.h"
#include "kraken/backend/backend_config.h"
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

// Limits of downloads that clients wait for; section `downloads`. containerd goes on to another
// registry after an error, but gives up a pull when a mirror is silent for some 12 s: that bounds
// what of this a client sees.
struct DownloadConfig {
  // From the beginning to the first news of the blob. Then the client gets an error in time to go
  // elsewhere.
  absl::Duration metainfo_timeout = absl::Seconds(10);
  // From a request to its first byte; then the client gets an error.
  absl::Duration first_byte_timeout = absl::Seconds(10);
  // How long it is waited for a tracker to be connected when there is no other way to the blob,
  // which is soon over or lasts.
  absl::Duration tracker_timeout = absl::Seconds(3);
  // No news from a tracker: the origins are asked as well. Without a tracker they are at once.
  absl::Duration ask_origins_after = absl::Seconds(1);
  // Nobody has answered: the backend is read as well. When all have failed it is at once.
  absl::Duration read_backend_after = absl::Seconds(5);
  // Without a single new byte from peers: the origins are asked to be peers; after the same time
  // again the backend is read.
  absl::Duration stall_timeout = absl::Seconds(3);
  // Blobs that are read from backends at a time; more wait.
  int max_backend_reads = 4;
  // Without a single new byte of a blob that a client reads, after the first.
  absl::Duration progress_timeout = absl::Seconds(60);
  // What the build-index said of a tag is good for so long; 0: each pull by tag asks it.
  absl::Duration tag_max_age = absl::Milliseconds(200);
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
  // By which orders may choose this agent.
  std::map<std::string, std::string> labels;
  config::PassiveHashRingConfig tracker;
  // Without hosts, origins are only peers that trackers name.
  config::PassiveHashRingConfig origin;
  // Registries that are read when neither trackers nor origins help. May be empty.
  std::vector<backend::BackendEntryConfig> backends;
  config::PassiveHostsConfig build_index;
  daemon::CompatConfig compat;
};
void ReadConfig(config::ObjectReader& r, AgentConfig* c);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_CONFIG_H_
