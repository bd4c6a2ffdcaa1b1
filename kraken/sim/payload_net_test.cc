// The network model, seen through whole downloads.
#include "kraken/sim/payload_net.h"

#include "gtest/gtest.h"
#include "kraken/base/digest.h"
#include "kraken/sim/world.h"
#include "kraken/storage/piece_layout.h"

namespace kraken::sim {
namespace {

constexpr int64_t kPieceLength = 1 << 20;

SimConfig Config() {
  SimConfig config;
  config.origin.super_seed = false;
  config.jitter_nanos = 0;
  return config;
}

storage::PieceLayout Layout(int pieces) {
  return *storage::PieceLayout::Create(ByteCount(pieces * kPieceLength), ByteCount(kPieceLength));
}

// Seconds that `agents` take to fetch `pieces` from one origin of the given rate, bytes per second.
double Fetch(const SimConfig& config, int agents, int pieces, double origin_rate,
             double agent_rate) {
  World world(config);
  const storage::PieceLayout layout = Layout(pieces);
  world.host(world.AddHost({.up_rate = origin_rate, .down_rate = origin_rate, .origin = true}))
      .Join(Digest(), layout, true);
  for (int i = 0; i < agents; ++i) {
    world.host(world.AddHost({.up_rate = agent_rate, .down_rate = agent_rate}))
        .Join(Digest(), layout, false);
  }
  const auto done = [&] {
    for (uint32_t host = 1; host < world.host_count(); ++host) {
      if (!world.host(host).HasAll()) return false;
    }
    return true;
  };
  EXPECT_TRUE(world.RunUntil(done, 1'000 * swarm::kNanosPerSecond));
  for (uint32_t host = 0; host < world.host_count(); ++host) world.host(host).Check();
  return static_cast<double>(world.now()) / 1e9;
}

TEST(PayloadNetTest, OneDownloadRunsAtTheSlowerLinesRate) {
  constexpr double kBytes = 100.0 * kPieceLength;
  EXPECT_NEAR(Fetch(Config(), 1, 100, 100e6, 100e6), kBytes / 100e6, 0.05);
  EXPECT_NEAR(Fetch(Config(), 1, 100, 50e6, 500e6), kBytes / 50e6, 0.05);
  EXPECT_NEAR(Fetch(Config(), 1, 100, 500e6, 50e6), kBytes / 50e6, 0.05);
}

TEST(PayloadNetTest, PipeliningBridgesALongLine) {
  SimConfig config = Config();
  config.rtt_nanos = 50 * swarm::kNanosPerMilli;
  config.window_chunks = 100;
  constexpr double kBytes = 300.0 * kPieceLength;
  EXPECT_LT(Fetch(config, 1, 300, 100e6, 100e6), 1.15 * kBytes / 100e6);
}

TEST(PayloadNetTest, LossIsDelayAndNothingElse) {
  SimConfig config = Config();
  config.loss = 0.05;
  Fetch(config, 3, 40, 100e6, 100e6);
}

TEST(PayloadNetTest, TheSameSeedIsTheSameRun) {
  const auto trace = [](uint64_t seed) {
    SimConfig config;
    config.seed = seed;
    World world(config);
    const storage::PieceLayout layout = Layout(20);
    world.host(world.AddHost({.origin = true})).Join(Digest(), layout, true);
    for (int i = 0; i < 5; ++i) world.host(world.AddHost({})).Join(Digest(), layout, false);
    world.RunUntil([] { return false; }, swarm::kNanosPerSecond);
    return world.trace_hash();
  };
  EXPECT_EQ(trace(1), trace(1));
  EXPECT_NE(trace(1), trace(2));
}

}  // namespace
}  // namespace kraken::sim
