// The network model, seen through whole downloads.
#include "kraken/sim/payload_net.h"

#include <string>
#include <vector>

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

// Seconds until all agents have `pieces`, which one origin has from the start.
double Fetch(World& world, const HostSpec& origin, const std::vector<HostSpec>& agents,
             int pieces) {
  const storage::PieceLayout layout = Layout(pieces);
  world.host(world.AddHost(origin)).Join(Digest(), layout, true);
  for (const HostSpec& agent : agents) {
    world.host(world.AddHost(agent)).Join(Digest(), layout, false);
  }
  const auto done = [&] {
    for (uint32_t host = 1; host < world.host_count(); ++host) {
      if (!world.host(host).HasAll()) return false;
    }
    return true;
  };
  EXPECT_TRUE(world.RunUntil(done, 1'000 * swarm::kNanosPerSecond));
  for (uint32_t host = 0; host < world.host_count(); ++host) world.host(host).Check();
  EXPECT_EQ(world.reports(), std::vector<std::string>());
  return static_cast<double>(world.now()) / 1e9;
}

// The same with lines of these rates, in bytes per second.
double Fetch(const SimConfig& config, int agents, int pieces, double origin_rate,
             double agent_rate) {
  World world(config);
  return Fetch(world, {.up_rate = origin_rate, .down_rate = origin_rate, .origin = true},
               std::vector<HostSpec>(static_cast<size_t>(agents),
                                     {.up_rate = agent_rate, .down_rate = agent_rate}),
               pieces);
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

TEST(PayloadNetTest, AZonesHostsShareItsLines) {
  SimConfig config = Config();
  config.zones = {{}, {.down_rate = 50e6}};
  constexpr double kBytes = 100.0 * kPieceLength;
  World limited(config);
  const std::vector<HostSpec> alone = {{.zone = 2}};
  EXPECT_NEAR(Fetch(limited, {.origin = true, .zone = 1}, alone, 100), kBytes / 50e6, 0.1);
  EXPECT_EQ(limited.payload().bytes_into_zone(2), limited.payload().bytes_out_of_zone(1));
  EXPECT_EQ(limited.payload().bytes_into_zone(2), 100u * kPieceLength);

  config.zones = {{.up_rate = 25e6}, {}};
  World up(config);
  EXPECT_NEAR(Fetch(up, {.origin = true, .zone = 1}, alone, 100), kBytes / 25e6, 0.2);

  // Near hosts don't pass it.
  World near(config);
  EXPECT_LT(Fetch(near, {.origin = true, .zone = 1}, {{.zone = 1}}, 100), 1.2 * kBytes / 300e6);
  EXPECT_EQ(near.payload().bytes_out_of_zone(1), 0u);
}

TEST(PayloadNetTest, TheHostsOfAZoneFetchLittleMoreThanOneCopy) {
  SimConfig config = Config();
  config.zones = {{.up_rate = 100e6}, {}};
  World world(config);
  Fetch(world, {.origin = true, .zone = 1}, std::vector<HostSpec>(12, {.zone = 2}), 100);
  EXPECT_LT(world.payload().bytes_into_zone(2), 130u * kPieceLength);
}

TEST(PayloadNetTest, ASlowDiskSlowsItsHostAndNobodyElse) {
  constexpr double kBytes = 100.0 * kPieceLength;
  World world(Config());
  EXPECT_NEAR(Fetch(world, {.origin = true}, {{.disk_rate = 50e6}, {}}, 100), kBytes / 50e6, 0.1);
  EXPECT_LT(static_cast<double>(world.host(2).CompletedAt()) / 1e9, 2 * kBytes / 300e6);
}

TEST(PayloadNetTest, AFullDiskFailsTheClientAndNobodyElse) {
  World world(Config());
  world.At(1, [&] {
    world.host(1).StartClients();
    world.host(1).SetDiskFull(true);
  });
  world.At(5 * swarm::kNanosPerSecond, [&] {
    EXPECT_EQ(world.host(1).torrents()[0].client, SimHost::Client::kFailed);
    EXPECT_TRUE(world.host(1).torrents()[0].truth.IsEmpty());
    EXPECT_TRUE(world.host(2).HasAll());
    world.host(1).SetDiskFull(false);
  });
  EXPECT_LT(Fetch(world, {.origin = true}, {{}, {}}, 100), 8);
  EXPECT_EQ(world.host(1).torrents()[0].client, SimHost::Client::kEnded);
}

TEST(OutageTest, WhatIsSentMeanwhileComesWhenTheCableIsBack) {
  World world(Config());
  world.At(100 * swarm::kNanosPerMilli, [&] { world.CutHost(1, 2 * swarm::kNanosPerSecond); });
  const double took = Fetch(world, {.origin = true}, {{}}, 100);
  EXPECT_GT(took, 2.1);
  EXPECT_LT(took, 3);
  EXPECT_EQ(world.host(1).stats().links_opened, 1u) << "the same link";
}

TEST(OutageTest, ALinkThatIsDeadForLongBreaksOnBothSides) {
  SimConfig config = Config();
  World world(config);
  world.At(100 * swarm::kNanosPerMilli, [&] { world.CutHost(1, 30 * swarm::kNanosPerSecond); });
  world.At(config.dead_link_nanos + swarm::kNanosPerSecond, [&] {
    EXPECT_EQ(world.host(0).torrents()[0].links, 0);
    EXPECT_TRUE(world.host(0).OpenEnds().empty());
  });
  EXPECT_GT(Fetch(world, {.origin = true}, {{}}, 100), 30);
  EXPECT_GT(world.host(1).stats().dials_failed, 0u);
}

TEST(OutageTest, ZonesThatArePartedWorkOnWithin) {
  World world(Config());
  world.At(1, [&] { world.CutZones(1, 2, 20 * swarm::kNanosPerSecond); });
  world.At(19 * swarm::kNanosPerSecond, [&] {
    EXPECT_TRUE(world.host(1).HasAll());
    EXPECT_TRUE(world.host(2).torrents()[0].truth.IsEmpty());
  });
  EXPECT_GT(Fetch(world, {.origin = true, .zone = 1}, {{.zone = 1}, {.zone = 2}}, 20), 20);
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
