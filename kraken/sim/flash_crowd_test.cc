// Scaled scenarios, each with a row of seeds. A failure prints the command that runs it again.
#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "kraken/sim/flash_crowd_scenario.h"

namespace kraken::sim {
namespace {

constexpr uint64_t kSeeds = 25;

// At most 64 agents and 128 pieces; invariants are walked five times a virtual second.
FlashCrowdOptions Scaled(uint64_t seed) {
  FlashCrowdOptions options;
  options.sim.seed = seed;
  options.agents = 16 + static_cast<int>(seed * 7 % 49);
  options.piece_length = 1 << 20;
  options.size_bytes = (32 + static_cast<int64_t>(seed * 13 % 97)) * options.piece_length - 12'345;
  options.rate = 100e6;
  options.join_window_nanos = 100 * swarm::kNanosPerMilli;
  options.check_interval_nanos = 200 * swarm::kNanosPerMilli;
  return options;
}

// Checkers inside of the simulation abort; what is left to check is the result.
FlashCrowdResult RunAndCheck(const FlashCrowdOptions& options) {
  const FlashCrowdResult result = RunFlashCrowd(options);
  EXPECT_TRUE(result.everybody_completed) << ReplayCommand(options) << "\n" << result.stuck;
  EXPECT_EQ(result.protocol_errors, 0u) << ReplayCommand(options);
  EXPECT_EQ(result.honest_banned, 0u) << ReplayCommand(options);
  return result;
}

TEST(FlashCrowdTest, WarmComesCloseToTheFloor) {
  double worst = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const FlashCrowdOptions options = Scaled(seed);
    const FlashCrowdResult result = RunAndCheck(options);
    const double ratio = result.Percentile(99) / result.floor_seconds;
    worst = std::max(worst, ratio);
    // Small swarms of small blobs are far from the limit that the floor describes.
    EXPECT_LT(ratio, 1.9) << ReplayCommand(options);
    EXPECT_LT(result.origin_amplification, 3.0) << ReplayCommand(options);
    EXPECT_LT(result.redundant_share, 0.05) << ReplayCommand(options);
  }
  RecordProperty("worst_ratio_p99", std::to_string(worst));
}

TEST(FlashCrowdTest, ColdCompletesWhileTheBlobArrives) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.cold = true;
    const FlashCrowdResult result = RunAndCheck(options);
    EXPECT_LT(result.Percentile(99) / result.floor_seconds, 2.5) << ReplayCommand(options);
  }
}

TEST(FlashCrowdTest, ReadersAndTwoLayersComplete) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.blobs = 2;
    options.readers = true;
    RunAndCheck(options);
  }
}

TEST(FlashCrowdTest, CorruptingPeersAreBannedAndHonestOnesAreNot) {
  uint64_t corrupt = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.corrupt_share = 0.1;
    corrupt += RunAndCheck(options).corrupt_pieces;
  }
  EXPECT_GT(corrupt, 0u);
}

TEST(FlashCrowdTest, SlowPeersDoNotHoldUpTheOthers) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.slow_share = 0.05;
    const FlashCrowdResult result = RunAndCheck(options);
    // A piece whose only copy went to a slow peer takes a fifth of these short runs.
    EXPECT_LT(result.Percentile(50) / result.floor_seconds, 3.0) << ReplayCommand(options);
  }
}

TEST(FlashCrowdTest, ChurnLeavesNobodyStuck) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.churn_share = 0.3;
    RunAndCheck(options);
  }
}

TEST(FlashCrowdTest, AnOriginsDeathCostsOnlyTime) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.kill_origin = true;
    RunAndCheck(options);
  }
}

TEST(FlashCrowdTest, PeersCarryOnWithoutATracker) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.kill_tracker = true;
    RunAndCheck(options);
  }
}

// What is sent is checked by each host as it is sent.
TEST(FlashCrowdTest, BandwidthLimitsAreKeptAndUsed) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.sim.agent.upload_limit = 40'000'000;
    options.sim.agent.download_limit = 20'000'000;
    const FlashCrowdResult result = RunAndCheck(options);
    const double bytes = static_cast<double>(options.size_bytes);
    const double burst = static_cast<double>(options.sim.agent.download_limit) *
                         absl::ToDoubleSeconds(options.sim.agent.limit_burst);
    EXPECT_GE(result.seconds.front(), (bytes - burst) / 20e6 * 0.999) << ReplayCommand(options);
    EXPECT_LE(result.Percentile(99), bytes / 20e6 * 1.5) << ReplayCommand(options);
  }
}

TEST(FlashCrowdTest, EverythingAtOnceOverALossyNetwork) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    FlashCrowdOptions options = Scaled(seed);
    options.sim.loss = 0.01;
    options.corrupt_share = 0.05;
    options.slow_share = 0.05;
    options.churn_share = 0.2;
    options.kill_origin = true;
    options.readers = true;
    RunAndCheck(options);
  }
}

TEST(FlashCrowdTest, TheSameSeedIsTheSameRun) {
  FlashCrowdOptions options = Scaled(3);
  options.churn_share = 0.2;
  const FlashCrowdResult first = RunFlashCrowd(options);
  const FlashCrowdResult second = RunFlashCrowd(options);
  EXPECT_EQ(first.trace_hash, second.trace_hash);
  EXPECT_EQ(first.events, second.events);
  options.sim.seed = 4;
  EXPECT_NE(RunFlashCrowd(options).trace_hash, first.trace_hash);
}

}  // namespace
}  // namespace kraken::sim
