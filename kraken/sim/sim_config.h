#ifndef KRAKEN_SIM_SIM_CONFIG_H_
#define KRAKEN_SIM_SIM_CONFIG_H_

#include <cstdint>

#include "kraken/swarm/config.h"
#include "kraken/swarm/hand_out.h"
#include "kraken/swarm/instant.h"

namespace kraken::sim {

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

  int64_t chunk_bytes = 256 << 10;
  int window_chunks = 8;

  swarm::SwarmConfig agent;
  swarm::SwarmConfig origin = swarm::OriginSwarmConfig();
  swarm::HandOutConfig hand_out;
};

// One host.
struct HostSpec {
  // Bytes per second.
  double up_rate = 300e6;
  double down_rate = 300e6;
  bool origin = false;
  uint16_t zone = 0;
  // Probability that a piece it sends is corrupt.
  double corruption = 0;
};

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_SIM_CONFIG_H_
