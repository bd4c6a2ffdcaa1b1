#include "kraken/tracker/tracker_config.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::tracker {
namespace {

using config::ReadYaml;
using ::testing::HasSubstr;

TEST(TrackerConfigTest, LeasesAndLimits) {
  const auto config =
      ReadYaml<TrackerServerConfig>("{lease: 20s, peer_timeout: 4s, max_swarms_per_peer: 7}");
  ASSERT_OK(config);
  EXPECT_EQ(config->lease, absl::Seconds(20));
  EXPECT_EQ(config->peer_timeout, absl::Seconds(4));
  EXPECT_EQ(config->max_swarms_per_peer, 7);
  EXPECT_FALSE(ReadYaml<TrackerServerConfig>("{peer_timeout: 10ms}").ok());
  EXPECT_FALSE(ReadYaml<TrackerServerConfig>("{max_swarms_per_peer: 0}").ok());
}

// The section of Kraken's example, but for `enabled`, without which neither uses Redis.
TEST(TrackerConfigTest, RedisUnderKrakensKeys) {
  std::vector<std::string> warnings;
  const auto config = ReadYaml<PeerStoreConfig>(
      "{local: {ttl: 5h}, redis: {enabled: true, addr: \"127.0.0.1:14001\", dial_timeout: 2s, "
      "read_timeout: 3s, write_timeout: 3s, max_idle_conns: 10}}",
      &warnings);
  ASSERT_OK(config);
  EXPECT_TRUE(config->redis.enabled);
  EXPECT_EQ(config->redis.addr, "127.0.0.1:14001");
  EXPECT_EQ(config->redis.dial_timeout, absl::Seconds(2));
  EXPECT_EQ(config->redis.read_timeout, absl::Seconds(3));
  EXPECT_EQ(warnings.size(), 3u) << "local, write_timeout, max_idle_conns";
  const auto inactive = ReadYaml<PeerStoreConfig>("{redis: {addr: \"127.0.0.1:14001\"}}");
  ASSERT_OK(inactive);
  EXPECT_FALSE(inactive->redis.enabled);
}

TEST(TrackerConfigTest, RedisWithoutAnAddressIsAnError) {
  EXPECT_THAT(ReadYaml<PeerStoreConfig>("{redis: {enabled: true}}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("addr")));
  EXPECT_THAT(ReadYaml<PeerStoreConfig>("{redis: {enabled: true, addr: redis}}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("host:port")));
}

}  // namespace
}  // namespace kraken::tracker
