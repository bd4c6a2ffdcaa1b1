#ifndef KRAKEN_TRACKER_TRACKER_CONFIG_H_
#define KRAKEN_TRACKER_TRACKER_CONFIG_H_

#include <string>

#include "absl/time/time.h"
#include "kraken/config/cluster_config.h"
#include "kraken/daemon/common_config.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/redis/redis_config.h"

namespace kraken::tracker {

// Section `trackerserver`.
struct TrackerServerConfig {
  // The most peers of one answer.
  int announce_limit = 20;
  // A peer without an announce stream that was not heard of for so long is handed out to nobody.
  absl::Duration lease = absl::Seconds(15);
  // A peer whose stream was silent for so long is handed out to nobody, and its stream is ended. It
  // is asked to say something three times as often.
  absl::Duration peer_timeout = absl::Seconds(6);
  // The most swarms that one peer may be in, and the most blobs whose metainfo it may wait for.
  int max_swarms_per_peer = 20'000;
  // What is known of a blob that nobody asks for is forgotten after this. At least 3 min: who has
  // it says so every SwarmConfig::quiet_announce_interval.
  absl::Duration metainfo_ttl = absl::Minutes(5);
  // A tracker that began less than this ago gives agents no orders, as they may not be back yet: an
  // agent tries again at least every 5 s.
  absl::Duration orders_after = absl::Seconds(10);
};
void ReadConfig(config::ObjectReader& r, TrackerServerConfig* c);

// Section `peerstore.redis`: where trackers share what they know.
struct SharedStoreConfig : redis::RedisConfig {
  bool enabled = false;
  absl::Duration dial_timeout = absl::Seconds(5);
  // A command that Redis does not answer for so long ends the connection.
  absl::Duration read_timeout = absl::Seconds(30);
};
void ReadConfig(config::ObjectReader& r, SharedStoreConfig* c);

// Section `peerstore`.
struct PeerStoreConfig {
  SharedStoreConfig redis;
};
void ReadConfig(config::ObjectReader& r, PeerStoreConfig* c);

// A tracker's whole configuration, under Kraken's keys.
struct TrackerConfig {
  daemon::CommonConfig common;
  config::ActiveHostsConfig origin;
  config::HashRingConfig hashring;
  TrackerServerConfig trackerserver;
  daemon::CompatConfig compat;
  PeerStoreConfig peerstore;
};
void ReadConfig(config::ObjectReader& r, TrackerConfig* c);

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_TRACKER_CONFIG_H_
