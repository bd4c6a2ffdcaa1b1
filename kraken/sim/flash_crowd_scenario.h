#ifndef KRAKEN_SIM_FLASH_CROWD_SCENARIO_H_
#define KRAKEN_SIM_FLASH_CROWD_SCENARIO_H_

#include <cstdint>
#include <string>
#include <vector>

#include "kraken/sim/sim_config.h"

namespace kraken::sim {

class Scene;

// Everybody wants the same blobs, or one of a few images, at about the same time.
struct FlashCrowdOptions {
  SimConfig sim;
  int agents = 2'600;
  int origins = 5;
  // The origins that hold each blob.
  int holders = 3;
  int64_t size_bytes = 3'000'000'000;
  // Blobs of an image. All images share the first `shared_blobs`; each agent draws its image.
  int blobs = 1;
  int images = 1;
  int shared_blobs = 0;
  int64_t piece_length = 4 << 20;
  // Bytes per second, each way, of each host; and what an agent's disk takes, 0: no limit.
  double rate = 300e6;
  double disk_rate = 0;
  // Agents are spread over zones 1 to this; origins are in zone 1. 0: nobody knows of zones. What
  // they share: SimConfig::zones.
  int zones = 0;
  // Agents join at random within this time.
  int64_t join_window_nanos = swarm::kNanosPerSecond;
  // The blobs arrive at one origin while the agents wait, at `rate`.
  bool cold = false;
  // And are copied from it to the other holders while they arrive.
  bool copied = false;
  // Each agent has a client that reads in order as fast as pieces come.
  bool readers = false;

  // Faults. Shares are of all agents.
  double corrupt_share = 0;   // send nothing but corrupt pieces
  double slow_share = 0;      // have a tenth of the rate
  double churn_share = 0;     // die at a random moment of the first half, half of them silently;
                              // each is replaced by a newcomer
  bool kill_origin = false;   // the first holder dies at a quarter of the floor
  bool kill_tracker = false;  // once the last agent has joined
  double mute_share = 0;      // take requests and never answer
  int bad_blobs = 0;          // with `cold`: the last bytes of the first few are not right
  // What else happens.
  void (*script)(Scene& scene) = nullptr;
  int64_t limit_nanos = 600 * swarm::kNanosPerSecond;
  // Sample the swarm this often for FlashCrowdResult::timeline; 0: never.
  int64_t timeline_interval_nanos = 0;
  // Run the checkers this often; 0: at the end only.
  int64_t check_interval_nanos = 0;
};

// The swarm during one interval.
struct TimelineSample {
  double seconds = 0;  // its end
  int joined = 0;
  int completed = 0;
  // Bytes out of all agents' (all origins') lines / what the lines of those joined could carry.
  double agents_busy = 0;
  double origins_busy = 0;
};

struct FlashCrowdResult {
  bool everybody_completed = false;
  // What checkers saw; the run ended with the first.
  std::vector<std::string> reports;
  int completed = 0;
  int wanted = 0;
  // From each agent's own join, sorted, in seconds.
  std::vector<double> seconds;
  double floor_seconds = 0;
  // Bytes out of all origins / bytes of all blobs.
  double origin_amplification = 0;
  // Messages between peers, per piece received by an agent.
  double messages_per_piece = 0;
  double haves_per_piece = 0;
  double requests_per_piece = 0;
  double redundant_share = 0;
  double announces_per_agent = 0;
  // Mean share of time that an agent's line up was busy until its completion.
  double up_utilisation = 0;
  uint64_t timeouts = 0;
  uint64_t cancels = 0;
  uint64_t rejects = 0;
  uint64_t corrupt_pieces = 0;
  uint64_t dials = 0;
  uint64_t refused = 0;
  uint64_t protocol_errors = 0;
  uint64_t honest_banned = 0;
  // Clients of agents that were told of a failure.
  uint64_t clients_failed = 0;
  // Bytes into each zone from others / bytes of all blobs.
  std::vector<double> copies_into_zones;
  double virtual_seconds = 0;
  uint64_t trace_hash = 0;
  uint64_t events = 0;
  std::vector<TimelineSample> timeline;
  // What each agent that did not complete had, for the first few.
  std::string stuck;

  // In seconds. REQUIRES: somebody completed.
  double Percentile(double percent) const;
};

// As an origin is configured that copies from others.
void LetOriginsCopy(swarm::SwarmConfig& origin);

// F/r * (1 + floor(log2 N) / M), in seconds.
double FloorSeconds(const FlashCrowdOptions& options);

FlashCrowdResult RunFlashCrowd(const FlashCrowdOptions& options);

// The command that runs the same again.
std::string ReplayCommand(const FlashCrowdOptions& options);

}  // namespace kraken::sim

#endif  // KRAKEN_SIM_FLASH_CROWD_SCENARIO_H_
