#include "kraken/sim/flash_crowd_scenario.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "kraken/sim/scene.h"

namespace kraken::sim {

double FlashCrowdResult::Percentile(double percent) const {
  const double rank = percent / 100 * static_cast<double>(seconds.size());
  const size_t index = static_cast<size_t>(std::max(std::ceil(rank) - 1, 0.0));
  return seconds[std::min(index, seconds.size() - 1)];
}

void LetOriginsCopy(swarm::SwarmConfig& origin) {
  constexpr int kSources = 2;
  origin.min_links = kSources;
  origin.max_dialed_links = kSources;
}

double FloorSeconds(const FlashCrowdOptions& options) {
  const double pieces = std::ceil(static_cast<double>(options.size_bytes) /
                                  static_cast<double>(options.piece_length));
  const double rounds = std::floor(std::log2(std::max(options.agents, 1)));
  return static_cast<double>(options.size_bytes) / options.rate * (1 + rounds / pieces);
}

FlashCrowdResult RunFlashCrowd(const FlashCrowdOptions& options) {
  Scene scene(options);
  scene.Play();
  return scene.Report();
}

std::string ReplayCommand(const FlashCrowdOptions& options) {
  return absl::StrCat(
      "bazel run //kraken/sim:flash_crowd -- --agents=", options.agents,
      " --origins=", options.origins, " --holders=", options.holders,
      " --size=", options.size_bytes, " --blobs=", options.blobs, " --rate=", options.rate,
      " --piece_length=", options.piece_length, " --seed=", options.sim.seed,
      options.cold ? " --cold" : "", options.copied ? " --copied" : "",
      options.readers ? " --readers" : "", " --corrupt_share=", options.corrupt_share,
      " --slow_share=", options.slow_share, " --churn_share=", options.churn_share,
      options.kill_origin ? " --kill_origin" : "", options.kill_tracker ? " --kill_tracker" : "",
      " --loss=", options.sim.loss, " --upload_limit=", options.sim.agent.upload_limit,
      " --download_limit=", options.sim.agent.download_limit);
}

}  // namespace kraken::sim
