#include "harbor_bridge/bridge_config.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<BridgeConfig> Read(absl::string_view api, absl::string_view rest = "") {
  return kraken::config::ReadYaml<BridgeConfig>(
      absl::StrCat("harbors:\n"
                   "  - name: eu\n"
                   "    namespace: .*\n"
                   "    registry:\n"
                   "      address: harbor.example:443\n"
                   "      timeout: 7s\n"
                   "      security: {basic: {username: robot, password: secret}, tls: {name: h}}\n",
                   api,
                   "origin: {hosts: {static: [\"o:1\"]}}\n"
                   "build_index: {hosts: {static: [\"b:1\"]}}\n",
                   rest));
}

TEST(BridgeConfigTest, WithoutAnApiThereIsABareRegistry) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config, Read(""));
  EXPECT_FALSE(config.harbors[0].api.has_value());
  EXPECT_TRUE(config.reconcile.enabled);
  EXPECT_EQ(config.reconcile.options.interval, absl::Minutes(10));
}

TEST(BridgeConfigTest, AnEmptyApiIsTheRegistrys) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config, Read("    api: {}\n"));
  ASSERT_TRUE(config.harbors[0].api.has_value());
  EXPECT_EQ(config.harbors[0].api->address, "harbor.example:443");
  EXPECT_EQ(config.harbors[0].api->credentials.password, "secret");
  EXPECT_EQ(config.harbors[0].api->tls.name, "h");
  EXPECT_EQ(config.harbors[0].api->timeout, absl::Seconds(7));
}

TEST(BridgeConfigTest, AnApiMayHaveAnAccountOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("    api: {security: {basic: {username: other, password: hidden}}}\n"));
  EXPECT_EQ(config.harbors[0].api->address, "harbor.example:443");
  EXPECT_EQ(config.harbors[0].api->credentials.username, "other");
}

TEST(BridgeConfigTest, AnotherServerGetsNoPasswordOfTheRegistrys) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config, Read("    api: {address: \"api:443\"}\n"));
  EXPECT_EQ(config.harbors[0].api->address, "api:443");
  EXPECT_TRUE(config.harbors[0].api->credentials.empty());
  EXPECT_EQ(config.harbors[0].api->tls.name, "");
}

TEST(BridgeConfigTest, PreheatNeedsTrackers) {
  constexpr char kRoute[] = "routes: [{name: p, image: ^a/, preheat: zone=a}]\n";
  EXPECT_THAT(Read("", kRoute), kraken::StatusIs(absl::StatusCode::kFailedPrecondition,
                                                 HasSubstr("rule \"p\": preheat")));
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("", absl::StrCat(kRoute,
                                             "tracker: {hosts: {static: [\"t:1\"]}}\n"
                                             "work: {agents_timeout: 90s}\n")));
  EXPECT_EQ(config.tracker.hosts.static_hosts[0], "t:1");
  EXPECT_EQ(config.routes[0].actions.preheat->zones[0], "a");
  EXPECT_EQ(config.work.agents_timeout, absl::Seconds(90));
}

TEST(BridgeConfigTest, ReconciliationHasItsLimits) {
  ASSERT_OK_AND_ASSIGN(
      const BridgeConfig config,
      Read("", "reconcile: {interval: 1m, requests_per_second: 0.5, on_start: false}\n"));
  EXPECT_EQ(config.reconcile.options.interval, absl::Minutes(1));
  EXPECT_EQ(config.reconcile.options.requests_per_second, 0.5);
  EXPECT_FALSE(config.reconcile.options.on_start);
  EXPECT_THAT(Read("", "reconcile: {requests_per_second: 0}\n"),
              kraken::StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("reconcile.requests_per_second")));
}

TEST(BridgeConfigTest, ALeaseHasANameAndARedis) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig none, Read(""));
  EXPECT_FALSE(none.lease.has_value());
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("", "lease: {name: eu-1, redis: {addr: \"redis:6379\"}, ttl: 30s}\n"));
  ASSERT_TRUE(config.lease.has_value());
  EXPECT_EQ(config.lease->name, "eu-1");
  EXPECT_EQ(config.lease->redis.addr, "redis:6379");
  EXPECT_EQ(config.lease->ttl, absl::Seconds(30));
}

TEST(BridgeConfigTest, SaysWhatIsWrongWithALease) {
  const auto is_refused = [](const char* message) {
    return kraken::StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(message));
  };
  EXPECT_THAT(Read("", "lease: {redis: {addr: \"redis:6379\"}}\n"),
              is_refused("missing key \"name\""));
  EXPECT_THAT(Read("", "lease: {name: E U, redis: {addr: \"redis:6379\"}}\n"),
              is_refused("lease.name"));
  EXPECT_THAT(Read("", "lease: {name: eu}\n"), is_refused("missing key \"redis\""));
  EXPECT_THAT(Read("", "lease: {name: eu, redis: {addr: redis}}\n"), is_refused("host:port"));
  EXPECT_THAT(Read("", "lease: {name: eu, redis: {addr: \"redis:6379\"}, ttl: 10ms}\n"),
              is_refused("lease.ttl"));
  EXPECT_THAT(Read("", "lease: {name: eu, kubernetes: {}, redis: {addr: \"redis:6379\"}}\n"),
              is_refused("not in Kubernetes yet"));
  EXPECT_THAT(Read("",
                   "lease: {name: eu, redis: {addr: \"redis:6379\"}}\n"
                   "reconcile: {enabled: false}\n"),
              is_refused("reconcile.enabled"));
}

}  // namespace
}  // namespace harbor_bridge
