#ifndef KRAKEN_SIM_SIM_CONFIG_H_
#define KRAKEN_SIM_SIM_CONFIG_H_

#include <cstdint>
#include <vector>

#include "kraken/sim/mutation.h"
#include "kraken/swarm/config.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/swarm/instant.h"

namespace kraken::sim {

// What lies between a zone and the rest of the cluster; the hosts of the zone share it.
struct ZoneSpec {
  // Bytes per second; 0: no limit.
  double up_rate = 0;
  double down_rate = 0;
};

// The cluster and its network. Times in virtual nanoseconds.
struct SimConfig {
  uint64_t seed = 1;

  int64_t rtt_nanos = swarm::kNanosPerMilli;
  // Added to each one-way delay: uniform in [0, jitter].
  int64_t jitter_nanos = swarm::kNanosPerMilli / 5;
  // The share of messages and chunks that are lost once and come this much later.
  double loss = 0;
  int64_t loss_delay_nanos = 200 * swarm::kNanosPerMilli;
  int64_t disk_nanos = swarm::kNanosPerMilli / 5;
  // A dial to a dead host fails after this.
  int64_t dial_timeout_nanos = 5 * swarm::kNanosPerSecond;
  // A connection over which nothing gets through is given up after this.
  int64_t dead_link_nanos = 10 * swarm::kNanosPerSecond;

  // Zones 1, 2, ...; a zone that is not here has no limits.
  std::vector<ZoneSpec> zones;
  uint16_t tracker_zone = 0;

  int64_t chunk_bytes = 256 << 10;
  int window_chunks = 8;

  swarm::SwarmConfig agent;
  swarm::SwarmConfig origin = swarm::OriginSwarmConfig();
  swarm::HandOutConfig hand_out;

  Mutation mutation;
};

// One host.
struct HostSpec {
  // Bytes per second.
  double up_rate = 300e6;
  double down_rate = 300e6;
  bool origin = false;
  uint16_t zone = 0;
  // Bytes per second that the disk takes; 0: no limit.
  double disk_rate = 0;
  // Probability that a piece it sends is corrupt.
  double corruption = 0;
  // Takes requests and never answers.
  bool mute = false;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SIM_CONFIG_H_
