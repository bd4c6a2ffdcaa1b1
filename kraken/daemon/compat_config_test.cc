#include "kraken/daemon/compat_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::daemon {
namespace {

absl::StatusOr<CompatConfig> Read(absl::string_view text) {
  return config::ReadYaml<CompatConfig>(text);
}

bool Admits(const CompatConfig& compat, absl::string_view ip) {
  return compat.allowed_cidrs.Contains(*net::SocketAddress::FromIp(ip, 1));
}

TEST(CompatConfigTest, IsOffByDefault) {
  ASSERT_OK_AND_ASSIGN(const CompatConfig compat, Read("{}"));
  EXPECT_FALSE(compat.kraken);
  EXPECT_TRUE(compat.allowed_cidrs.empty());
}

TEST(CompatConfigTest, LetsInWhoIsThere) {
  ASSERT_OK_AND_ASSIGN(const CompatConfig compat,
                       Read("{kraken: true, allowed_cidrs: [10.1.0.0/16, \"fd00::/8\"]}"));
  EXPECT_TRUE(compat.kraken);
  EXPECT_TRUE(Admits(compat, "10.1.2.3"));
  EXPECT_TRUE(Admits(compat, "fd00::1"));
  EXPECT_FALSE(Admits(compat, "10.2.0.1"));
}

TEST(CompatConfigTest, AddressesAloneLetNobodyIn) {
  ASSERT_OK_AND_ASSIGN(const CompatConfig compat, Read("{allowed_cidrs: [10.1.0.0/16]}"));
  EXPECT_FALSE(compat.kraken);
  EXPECT_FALSE(Admits(compat, "10.1.2.3"));
}

TEST(CompatConfigTest, MustSayFromWhere) {
  EXPECT_THAT(Read("{kraken: true}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("allowed_cidrs")));
  EXPECT_THAT(Read("{kraken: true, allowed_cidrs: [10.1.2.3/16]}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("10.1.2.3/16")));
}

}  // namespace
}  // namespace kraken::daemon
