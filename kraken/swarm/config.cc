#include "kraken/swarm/config.h"

namespace kraken::swarm {

SwarmConfig OriginSwarmConfig() {
  SwarmConfig config;
  config.super_seed = true;
  // The fewer at a time, the sooner each is whole at its first receiver and goes on from there.
  config.upload_slots = 2;
  config.min_links = 0;
  config.max_dialed_links = 0;
  config.max_links = 60;
  config.max_total_links = 20'000;
  // What is in an origin's cache is in its swarms.
  config.idle_seeder_limit = absl::InfiniteDuration();
  return config;
}

}  // namespace kraken::swarm
