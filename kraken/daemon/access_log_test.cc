#include "kraken/daemon/access_log.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/socket_address.h"

namespace kraken::daemon {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::SizeIs;

constexpr absl::Duration kPatience = absl::Seconds(30);

// A real server, whose log is looked at.
class AccessLogTest : public ::testing::Test {
 protected:
  AccessLogTest() {
    config::LoggingConfig logging;
    logging.access_log = path_;
    logging.encoding = config::LoggingConfig::Encoding::kJson;
    log_ = *AccessLog::Open(logging);
    options_.request_ids = true;
    options_.on_exchange_end = log_->ListenerFor("registry");
  }

  void Serve(net::HttpHandler handler) {
    server_ = std::make_unique<net::HttpServer>(std::vector<net::EventLoop*>{&loop_.loop()},
                                                options_, std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  void Ask(absl::string_view request) {
    net::RawConnection connection(address_);
    connection.Send(request);
    connection.ReadToEnd();
  }
  // Ends the server, so that all is told.
  std::string Text() {
    server_.reset();
    EXPECT_TRUE(log_->Flush(kPatience));
    return ReadTestFile(path_);
  }
  std::vector<nlohmann::json> Lines() {
    std::vector<nlohmann::json> lines;
    for (const absl::string_view line : absl::StrSplit(Text(), '\n', absl::SkipEmpty())) {
      const auto parsed = ParseJson(line);
      EXPECT_OK(parsed);
      lines.push_back(*parsed);
    }
    return lines;
  }

  const std::string path_ = MakeTestDir() + "/access.log";
  std::unique_ptr<AccessLog> log_;
  net::HttpServerOptions options_;
  net::LoopThread loop_{"test"};
  std::unique_ptr<net::HttpServer> server_;
  net::SocketAddress address_;
};

void Hello(const std::shared_ptr<net::HttpExchange>& exchange) {
  exchange->Respond(200, {}, "hello");
}

TEST_F(AccessLogTest, SaysWhoAskedForWhatAndGotWhat) {
  Serve(Hello);
  Ask("POST /v2/a%2Fb?n=1 HTTP/1.1\r\nHost: a\r\nX-Request-Id: id-7\r\nUser-Agent: test/1\r\n"
      "Content-Length: 3\r\nConnection: close\r\n\r\nabc");
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  const nlohmann::json& line = lines[0];
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["message"], "request");
  EXPECT_EQ(line["server"], "registry");
  EXPECT_EQ(line["client"], "127.0.0.1");
  EXPECT_FALSE(line.contains("proxy"));
  EXPECT_EQ(line["method"], "POST");
  EXPECT_EQ(line["path"], "/v2/a%2Fb");
  EXPECT_EQ(line["status"], 200);
  EXPECT_EQ(line["sent_bytes"], 5);
  EXPECT_EQ(line["request_id"], "id-7");
  EXPECT_EQ(line["user_agent"], "test/1");
  EXPECT_GE(line["duration_us"].get<int64_t>(), 0);
  EXPECT_FALSE(line.contains("reason"));
  EXPECT_THAT(line["ts"].get<std::string>(),
              MatchesRegex("[0-9]+-[0-9]+-[0-9]+T[0-9]+:[0-9]+:[0-9]+\\.[0-9]+Z"));
}

TEST_F(AccessLogTest, HoldsNoSecret) {
  Serve(Hello);
  Ask("GET http://user:hunter2@a/service/token?account=hunter2&X-Amz-Signature=hunter2 HTTP/1.1\r\n"
      "Host: a\r\nAuthorization: Basic hunter2\r\nCookie: hunter2\r\nConnection: close\r\n\r\n");
  Ask("GET /?hunter2 HTTP/1.1\r\nAuthorization: Bearer hunter2\r\n\r\n");
  Ask("hunter2 hunter2\r\n\r\n");
  const std::string text = Text();
  EXPECT_THAT(text, HasSubstr("/service/token"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  EXPECT_EQ(log_->written_lines(), 3);
}

TEST_F(AccessLogTest, SaysWhyAResponseWasCutOff) {
  Serve([](const std::shared_ptr<net::HttpExchange>& exchange) {
    exchange->StartResponse(200, {}, 100);
    exchange->Write("some");
    exchange->OnDrained([exchange] { exchange->Reset("no byte came within the time limit"); });
  });
  Ask("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["status"], 200);
  EXPECT_EQ(lines[0]["sent_bytes"], 4);
  EXPECT_EQ(lines[0]["reason"], "no byte came within the time limit");
}

TEST_F(AccessLogTest, SaysThatAClientWentAway) {
  absl::Notification asked;
  Serve([&asked](const std::shared_ptr<net::HttpExchange>& exchange) {
    exchange->OnCancel([exchange](const absl::Status&) {});
    asked.Notify();
  });
  net::RawConnection connection(address_);
  connection.Send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
  asked.WaitForNotification();
  connection.Reset();
  while (server_->stats().connections_open > 0) std::this_thread::yield();
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["status"], 0);
  EXPECT_THAT(lines[0]["reason"].get<std::string>(), MatchesRegex("client 127.0.0.1:[0-9]+.*"));
}

TEST_F(AccessLogTest, WhatIsNoRequestHasALineToo) {
  Serve(Hello);
  Ask("no request\r\n\r\n");
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_FALSE(lines[0].contains("path"));
  EXPECT_EQ(lines[0]["status"], 400);
  EXPECT_EQ(lines[0]["client"], "127.0.0.1");
  EXPECT_NE(lines[0]["reason"], "");
}

TEST_F(AccessLogTest, NamesTheClientOfATrustedProxy) {
  options_.trusted_proxies = *net::CidrSet::Parse({"127.0.0.1"});
  Serve(Hello);
  Ask("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 2001:db8::7\r\nConnection: close\r\n\r\n");
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["client"], "2001:db8::7");
  EXPECT_EQ(lines[0]["proxy"], "127.0.0.1");
}

TEST_F(AccessLogTest, WhatAClientSaysStaysOnItsLine) {
  Serve(Hello);
  Ask(absl::StrCat("GET /\xff\"\\ HTTP/1.1\r\nHost: a\r\n\r\n"));
  Ask(absl::StrCat("GET /", std::string(8000, 'p'),
                   " HTTP/1.1\r\nHost: a\r\nUser-Agent: a\"\\\xc3 \t", std::string(8000, 'u'),
                   "\r\nConnection: close\r\n\r\n"));
  for (const nlohmann::json& line : Lines()) {
    EXPECT_EQ(line["message"], "request");
    EXPECT_LT(line.dump().size(), telemetry::kMaxLineBytes);
  }
}

TEST_F(AccessLogTest, AUnixSocketsClientHasNoAddress) {
  const net::ShortTestDir dir;
  Serve(Hello);
  ASSERT_OK_AND_ASSIGN(address_, server_->Listen(absl::StrCat("unix:", dir.path(), "/s")));
  Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::vector<nlohmann::json> lines = Lines();
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_EQ(lines[0]["client"], "unix");
}

TEST(FormatAccessLine, FollowsTheLogsEncoding) {
  const net::HttpPeer peer = {.address = *net::SocketAddress::Parse("[::1]:5"),
                              .local_address = {}};
  net::HttpRequestContext request;
  request.head.method = "GET";
  request.id = "7";
  net::HttpExchangeSummary summary;
  summary.request = &request;
  summary.path = "/v2/";
  summary.peer = &peer;
  summary.client = &peer.address;
  summary.status = 200;
  summary.duration = absl::Microseconds(1500);
  EXPECT_EQ(
      FormatAccessLine(telemetry::LogEncoding::kConsole, absl::UnixEpoch(), "http", summary),
      "1970-01-01T00:00:00.000000Z\tINFO\trequest server=http client=::1 method=GET path=/v2/ "
      "status=200 sent_bytes=0 received_bytes=0 duration_us=1500 request_id=7 "
      "user_agent=\"\"\n");
}

}  // namespace
}  // namespace kraken::daemon
