#include "kraken/daemon/scheduler_config.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::daemon {
namespace {

class SchedulerConfigTest : public ::testing::Test {
 protected:
  absl::StatusOr<swarm::SwarmConfig> Read(absl::string_view text) {
    const auto scheduler = config::ReadYaml<SchedulerConfig>(text, &warnings_);
    if (!scheduler.ok()) return scheduler.status();
    swarm::SwarmConfig swarm;
    ApplyTo(swarm, *scheduler);
    return swarm;
  }

  std::vector<std::string> warnings_;
};

TEST_F(SchedulerConfigTest, BandwidthLimitsBecomeTheEngines) {
  ASSERT_OK_AND_ASSIGN(const swarm::SwarmConfig swarm,
                       Read("conn: {bandwidth: {enable: true, egress_bits_per_sec: 8000, "
                            "ingress_bits_per_sec: 80}}"));
  EXPECT_EQ(swarm.upload_limit, 1000);
  EXPECT_EQ(swarm.download_limit, 10);
}

TEST_F(SchedulerConfigTest, WithoutEnableThereIsNoLimit) {
  ASSERT_OK_AND_ASSIGN(const swarm::SwarmConfig swarm,
                       Read("conn: {bandwidth: {egress_bits_per_sec: 8000}}"));
  EXPECT_EQ(swarm.upload_limit, 0);
  EXPECT_EQ(swarm.download_limit, 0);
}

TEST_F(SchedulerConfigTest, KrakensOtherKeysGiveAWarningAndUnknownOnesAnError) {
  ASSERT_OK(Read("seeder_tti: 5m\nconnstate: {max_open_conn: 10}\nconn: {handshake_timeout: 1s}"));
  EXPECT_EQ(warnings_.size(), 3u);
  EXPECT_THAT(Read("conn: {bandwith: {}}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("bandwidth")));
}

}  // namespace
}  // namespace kraken::daemon
