#include "kraken/krakenctl/swarm_counters.h"

#include "absl/status/status.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

TEST(SwarmCountersTest, ReadsWhatAnAgentSays) {
  ASSERT_OK_AND_ASSIGN(
      const SwarmCounters counters,
      ParseSwarmCounters("# TYPE kraken_swarm_received_bytes_total counter\n"
                         "kraken_swarm_received_bytes_total{component=\"agent\",peer=\"origin\"} "
                         "1.5e+06\n"
                         "kraken_swarm_sent_bytes_total 7\n"
                         "kraken_swarm_received_bytes_total{peer=\"agent\",zone=\"a\\\"}\"} 24\n"));
  EXPECT_EQ(counters.from_origins, 1.5e6);
  EXPECT_EQ(counters.from_agents, 24);
}

TEST(SwarmCountersTest, WhatIsNoCountIsNotThere) {
  for (const char* text : {"", "<html>", "kraken_swarm_received_bytes_total 5\n",
                           "kraken_swarm_received_bytes_total{peer=\"origin\"} 1\n",
                           "kraken_swarm_received_bytes_total{peer=\"origin\"} 1\n"
                           "kraken_swarm_received_bytes_total{peer=\"agent\"} inf\n",
                           "kraken_swarm_received_bytes_total{peer=\"origin\"} 1\n"
                           "kraken_swarm_received_bytes_total{peer=\"agent\" 1\n"}) {
    EXPECT_THAT(ParseSwarmCounters(text), StatusIs(absl::StatusCode::kNotFound)) << text;
  }
}

}  // namespace
}  // namespace kraken::krakenctl
