// What a server knows of a request besides its words: an id, for whom it was sent, how it ended.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/http_server.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Exchange = std::shared_ptr<HttpExchange>;

class HttpRequestTest : public ::testing::Test {
 protected:
  void Serve(HttpHandler handler, HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(pool_.loops(), std::move(options), std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  std::string Ask(absl::string_view request) {
    RawConnection connection(address_);
    connection.Send(request);
    return connection.ReadToEnd();
  }

  LoopPool pool_{"test", 2};
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
};

// One line for each summary.
class ExchangeLog {
 public:
  std::function<void(const HttpExchangeSummary&)> Listener() {
    return [this](const HttpExchangeSummary& summary) {
      absl::MutexLock lock(&mutex_);
      lines_.push_back(absl::StrCat(summary.request == nullptr ? "-" : summary.request->head.method,
                                    " ", summary.path, " ", summary.status, " ",
                                    summary.end.message()));
    };
  }
  std::vector<std::string> lines() {
    absl::MutexLock lock(&mutex_);
    return lines_;
  }

 private:
  absl::Mutex mutex_;
  std::vector<std::string> lines_;
};

TEST_F(HttpRequestTest, ReportsWhatEndedOtherwise) {
  HttpServerOptions options;
  ExchangeLog log;
  options.on_exchange_end = log.Listener();
  Serve(
      [](Exchange exchange) {
        if (exchange->path() == "/dropped") return;
        exchange->StartResponse(200, {}, absl::nullopt);
        exchange->Write("part");
        exchange->Reset("a piece never came");
      },
      options);
  Ask("GET /dropped?secret HTTP/1.1\r\nHost: a\r\n\r\n");
  Ask("GET /cut HTTP/1.1\r\nHost: a\r\n\r\n");
  Ask("GET /two-hosts HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n");
  Ask("no request\r\n\r\n");
  server_.reset();
  EXPECT_THAT(log.lines(),
              ::testing::UnorderedElementsAre(
                  "GET /dropped 500 exchange dropped by handler", "GET /cut 200 a piece never came",
                  "GET /two-hosts 400 more than one Host", StartsWith("-  400 ")));
}

TEST_F(HttpRequestTest, EachRequestHasAnId) {
  HttpServerOptions options;
  options.request_ids = true;
  Serve([](Exchange exchange) { exchange->Respond(200, {}, exchange->request_id()); }, options);
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine-1\r\nConnection: close\r\n\r\n"),
              ::testing::AllOf(HasSubstr("\r\nX-Request-Id: mine-1\r\n"), EndsWith("mine-1")));
  const std::string made =
      Ask("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: not \"one\"\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(made, Not(HasSubstr("not")));
  const std::string id = made.substr(made.size() - 32);
  EXPECT_THAT(made, HasSubstr(absl::StrCat("\r\nX-Request-Id: ", id, "\r\n")));
  // Also what is no request gets one.
  EXPECT_THAT(Ask("nonsense\r\n\r\n"), HasSubstr("\r\nX-Request-Id: "));
}

TEST_F(HttpRequestTest, OnlyTrustedProxiesSpeakForOthers) {
  const auto show = [](Exchange e) {
    e->Respond(
        200, {},
        absl::StrCat(e->client_address().ip(), " ", e->client_scheme(), " ", e->client_host()));
  };
  const absl::string_view request =
      "GET / HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: outer.example.com\r\nConnection: close\r\n\r\n";
  Serve(show);
  EXPECT_THAT(Ask(request), EndsWith("\r\n127.0.0.1 http inner"));
  HttpServerOptions options;
  options.trusted_proxies = *CidrSet::Parse({"127.0.0.0/8"});
  Serve(show, options);
  EXPECT_THAT(Ask(request), EndsWith("\r\n192.0.2.7 https outer.example.com"));
}

TEST_F(HttpRequestTest, ServesClientsOfIpv6) {
  if (!ListenSocket::Listen("[::1]:0").ok()) GTEST_SKIP() << "this host has no IPv6";
  Serve([](Exchange e) { e->Respond(200, {}, e->client_address().ToString()); });
  for (const char* address : {"[::1]:0", "[::]:0"}) {
    ASSERT_OK_AND_ASSIGN(const SocketAddress bound, server_->Listen(address));
    RawConnection connection(*SocketAddress::FromIp("::1", bound.port()));
    connection.Send("GET / HTTP/1.1\r\nHost: [::1]:5\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(connection.ReadToEnd(), HasSubstr("\r\n\r\n[::1]:"));
  }
}

}  // namespace
}  // namespace kraken::net
