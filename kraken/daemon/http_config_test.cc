#include "kraken/daemon/http_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"
#include "kraken/net/socket_address.h"

namespace kraken::daemon {
namespace {

using ::testing::HasSubstr;

TEST(HttpConfig, BelievesNobodyUnlessTold) {
  ASSERT_OK_AND_ASSIGN(const HttpConfig config, config::ReadYaml<HttpConfig>("{}"));
  EXPECT_TRUE(config.trusted_proxies.empty());
  EXPECT_FALSE(config.trusted_proxies.Contains(*net::SocketAddress::Parse("127.0.0.1:1")));
}

TEST(HttpConfig, ReadsProxiesAndListeners) {
  ASSERT_OK_AND_ASSIGN(const HttpConfig config, config::ReadYaml<HttpConfig>(R"(
trusted_proxies: [10.0.0.0/8, "::1"]
listen: [{net: unix, addr: /run/x.sock, mode: "0660"}, {addr: "[::1]:16003"}]
)"));
  EXPECT_TRUE(config.trusted_proxies.Contains(*net::SocketAddress::Parse("[::1]:1")));
  ASSERT_EQ(config.listen.size(), 2);
  EXPECT_EQ(config.listen[0].mode, 0660);
  EXPECT_EQ(config.listen[1].addr, "[::1]:16003");
}

TEST(HttpConfig, ErrorsNameTheKey) {
  EXPECT_THAT(config::ReadYaml<HttpConfig>("trusted_proxies: [10.0.0.1/8]"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("trusted_proxies: \"10.0.0.1/8\"")));
  EXPECT_THAT(
      config::ReadYaml<HttpConfig>("listen: [{net: unix}]"),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("listen: each needs an `addr`")));
}

}  // namespace
}  // namespace kraken::daemon
