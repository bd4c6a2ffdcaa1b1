#include "kraken/daemon/admin_gate.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
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

// "ops:right", as Basic authentication has it.
constexpr char kRight[] = "Authorization: Basic b3BzOnJpZ2h0\r\n";
constexpr char kWrong[] = "Authorization: Basic b3BzOndyb25n\r\n";
constexpr char kSection[] = "{username: ops, password: right}";

// The answer to a client on this host, where the section `admin` says this.
std::string Ask(const std::string& section, absl::string_view method, absl::string_view fields) {
  const absl::StatusOr<AdminConfig> config = config::ReadYaml<AdminConfig>(section);
  EXPECT_OK(config);
  AdminGate gate(*config);
  net::LoopThread loop("http");
  net::HttpServer server({&loop.loop()}, {},
                         gate.Guard([](std::shared_ptr<net::HttpExchange> exchange) {
                           exchange->Respond(200, {}, "come in");
                         }));
  const auto address = server.Listen("127.0.0.1:0");
  EXPECT_OK(address);
  net::RawConnection connection(*address);
  connection.Send(absl::StrCat(method, " / HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\n",
                               fields, "\r\n"));
  return connection.ReadToEnd();
}

TEST(AdminGateTest, LetsInWhoIsOnThisHost) {
  for (const char* host : {"localhost", "localhost:10050", "127.0.0.1:10050", "[::1]:10050"}) {
    EXPECT_THAT(Ask("{}", "POST", absl::StrCat("Host: ", host, "\r\n")), HasSubstr("come in"))
        << host;
  }
}

// A browser on this host may be led here by a name that is somebody else's.
TEST(AdminGateTest, ANameOfAnotherMachineIsNotThisHost) {
  const std::string answer = Ask("{}", "GET", "Host: evil.example:10050\r\n");
  EXPECT_THAT(answer, HasSubstr(" 403 "));
  EXPECT_THAT(answer, HasSubstr("set `admin`"));
}

TEST(AdminGateTest, AProxyOnThisHostSpeaksForOthers) {
  EXPECT_THAT(Ask("{}", "GET", "Host: localhost\r\nX-Forwarded-For: 192.0.2.1\r\n"),
              HasSubstr(" 403 "));
}

TEST(AdminGateTest, APasswordIsAskedForAndTaken) {
  const std::string asked = Ask(kSection, "GET", "Host: bridge.example\r\n");
  EXPECT_THAT(asked, HasSubstr(" 401 "));
  EXPECT_THAT(asked, HasSubstr("WWW-Authenticate: Basic"));
  EXPECT_THAT(Ask(kSection, "GET", absl::StrCat("Host: bridge.example\r\n", kWrong)),
              HasSubstr(" 401 "));
  EXPECT_THAT(Ask(kSection, "POST", absl::StrCat("Host: bridge.example\r\n", kRight)),
              HasSubstr("come in"));
}

TEST(AdminGateTest, AnotherSitesPageGivesNoOrders) {
  const std::string host = absl::StrCat("Host: bridge.example:10050\r\n", kRight);
  for (const char* field :
       {"Origin: https://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Origin: http://bridge.example:8080\r\n"}) {
    EXPECT_THAT(Ask(kSection, "POST", absl::StrCat(host, field)), HasSubstr(" 403 ")) << field;
  }
  EXPECT_THAT(Ask(kSection, "POST",
                  absl::StrCat(host,
                               "Origin: http://bridge.example:10050\r\n"
                               "Sec-Fetch-Site: same-origin\r\n")),
              HasSubstr("come in"));
}

TEST(AdminGateTest, PublicReadIsForReadingOnly) {
  const std::string section = "{public_read: true}";
  EXPECT_THAT(Ask(section, "GET", "Host: bridge.example\r\n"), HasSubstr("come in"));
  EXPECT_THAT(Ask(section, "POST", "Host: bridge.example\r\n"), HasSubstr(" 403 "));
}

TEST(AdminGateTest, HalfACredentialIsAMistake) {
  EXPECT_THAT(config::ReadYaml<AdminConfig>("{username: ops}").status().ToString(),
              HasSubstr("belong together"));
  EXPECT_THAT(config::ReadYaml<AdminConfig>("{username: 'a:b', password: c}").status().ToString(),
              HasSubstr("username"));
}

}  // namespace
}  // namespace kraken::daemon
