#include "kraken/daemon/kraken_gate.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"

namespace kraken::daemon {
namespace {

using ::testing::HasSubstr;

// What a process on this host is answered where the section `compat` says this.
std::string Ask(const std::string& section) {
  const absl::StatusOr<CompatConfig> compat = config::ReadYaml<CompatConfig>(section);
  EXPECT_OK(compat);
  KrakenGate gate(*compat);
  net::LoopThread loop("http");
  net::HttpServer server({&loop.loop()}, {},
                         gate.Guard([](std::shared_ptr<net::HttpExchange> exchange) {
                           exchange->Respond(200, {}, "come in");
                         }));
  const auto address = server.Listen("127.0.0.1:0");
  EXPECT_OK(address);
  net::RawConnection connection(*address);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  return connection.ReadToEnd();
}

TEST(KrakenGateTest, LetsInWhomTheConfigurationNames) {
  const std::string answer = Ask("{kraken: true, allowed_cidrs: [127.0.0.0/8]}");
  EXPECT_THAT(answer, HasSubstr("200"));
  EXPECT_THAT(answer, HasSubstr("come in"));
}

TEST(KrakenGateTest, NobodyElse) {
  const std::string answer = Ask("{kraken: true, allowed_cidrs: [10.0.0.0/8]}");
  EXPECT_THAT(answer, HasSubstr(" 403 "));
  EXPECT_THAT(answer, HasSubstr("compat.allowed_cidrs"));
}

TEST(KrakenGateTest, NobodyWhereItIsOff) {
  const std::string answer = Ask("{allowed_cidrs: [127.0.0.0/8]}");
  EXPECT_THAT(answer, HasSubstr(" 404 "));
  EXPECT_THAT(answer, HasSubstr("compat.kraken"));
}

}  // namespace
}  // namespace kraken::daemon
