// TLS through server and client, with real handshakes on loopback.
#include <fcntl.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/test_certificates.h"
#include "kraken/net/tls_context.h"

namespace kraken::net {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Exchange = std::shared_ptr<HttpExchange>;

class TlsTest : public ::testing::Test {
 protected:
  void Serve(HttpHandler handler, ClientAuth auth = ClientAuth::kNone) {
    TlsServerOptions options;
    options.identity = ca_.Issue("server", {.dns_sans = {"localhost"}, .ip_sans = {"127.0.0.1"}});
    options.client_auth = auth;
    if (auth != ClientAuth::kNone) options.client_ca_files = {ca_.ca_file()};
    ASSERT_OK_AND_ASSIGN(server_tls_, TlsContext::CreateServer(options));
    HttpServerOptions server_options;
    server_options.tls = server_tls_;
    server_ = std::make_unique<HttpServer>(pool_.loops(), server_options, std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  std::shared_ptr<TlsContext> ClientTls(TlsIdentity identity = {}, std::string server_name = "") {
    TlsClientOptions options;
    options.ca_files = {ca_.ca_file()};
    options.identity = std::move(identity);
    options.server_name = std::move(server_name);
    return *TlsContext::CreateClient(options);
  }
  HttpClientRequest Request(std::shared_ptr<const TlsContext> tls) {
    HttpClientRequest request;
    request.url = *Url::Parse(absl::StrCat("https://", address_.ToString(), "/"));
    request.tls = std::move(tls);
    return request;
  }

  const std::string dir_ = MakeTestDir();
  TestCa ca_{dir_, "ca"};
  LoopPool pool_{"server", 2};
  std::shared_ptr<TlsContext> server_tls_;
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
  BlockingHttpClient client_{{}};
};

void Hello(Exchange e) { e->Respond(200, {}, e->peer().tls ? "secret" : "plain"); }

TEST_F(TlsTest, FetchesAndReuses) {
  Serve(Hello);
  const auto tls = ClientTls();
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, client_.Fetch(Request(tls)));
    EXPECT_EQ(response.body, "secret");
  }
  EXPECT_EQ(client_.stats().connections_opened, 1);
}

TEST_F(TlsTest, VerifiesTheServersName) {
  Serve(Hello);
  EXPECT_THAT(client_.Fetch(Request(ClientTls({}, "other.example"))),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("certificate")));
  EXPECT_OK(client_.Fetch(Request(ClientTls({}, "localhost"))));
}

TEST_F(TlsTest, VerifiesTheServersIssuer) {
  Serve(Hello);
  TestCa other(dir_, "other");
  TlsClientOptions options;
  options.ca_files = {other.ca_file()};
  ASSERT_OK_AND_ASSIGN(const auto strict, TlsContext::CreateClient(options));
  EXPECT_THAT(client_.Fetch(Request(strict)), StatusIs(absl::StatusCode::kUnauthenticated));
  options.verify_server = false;
  ASSERT_OK_AND_ASSIGN(const auto trusting, TlsContext::CreateClient(options));
  EXPECT_OK(client_.Fetch(Request(trusting)));
}

TEST_F(TlsTest, RequiresAClientCertificate) {
  Serve(Hello, ClientAuth::kRequired);
  EXPECT_THAT(client_.Fetch(Request(ClientTls())), StatusIs(absl::StatusCode::kUnauthenticated));
  TestCa other(dir_, "other");
  EXPECT_THAT(client_.Fetch(Request(ClientTls(other.Issue("stranger", {})))),
              StatusIs(absl::StatusCode::kUnauthenticated));
  EXPECT_OK(client_.Fetch(Request(ClientTls(ca_.Issue("friend", {})))));
}

TEST_F(TlsTest, TellsTheHandlerWhoTheClientIs) {
  Serve(
      [](Exchange e) {
        if (!e->peer().certificate.has_value()) return e->Respond(403, {}, "");
        const TlsPeerCertificate& c = *e->peer().certificate;
        EXPECT_THAT(c.dns_sans, ElementsAre("agent-7.example", "b.example"));
        EXPECT_THAT(c.ip_sans, ElementsAre("10.0.0.1", "fd00::1"));
        EXPECT_THAT(c.uri_sans, ElementsAre("spiffe://kraken/agent"));
        EXPECT_EQ(c.sha256_hex.size(), 64);
        e->Respond(200, {}, absl::StrCat(c.subject, " ", c.common_name));
      },
      ClientAuth::kOptional);
  ASSERT_OK_AND_ASSIGN(HttpResponse response, client_.Fetch(Request(ClientTls())));
  EXPECT_EQ(response.status, 403);
  const TlsIdentity identity = ca_.Issue("agent", {.common_name = "agent-7",
                                                   .dns_sans = {"agent-7.example", "b.example"},
                                                   .ip_sans = {"10.0.0.1", "fd00::1"},
                                                   .uri_sans = {"spiffe://kraken/agent"}});
  ASSERT_OK_AND_ASSIGN(response, client_.Fetch(Request(ClientTls(identity))));
  EXPECT_EQ(response.body, "CN=agent-7 agent-7");
}

TEST_F(TlsTest, AnExpiredCertificateIsRefused) {
  Serve(Hello);
  TlsServerOptions options;
  options.identity = ca_.Issue("old", {.ip_sans = {"127.0.0.1"}, .valid_seconds = -60});
  ASSERT_OK_AND_ASSIGN(const auto tls, TlsContext::CreateServer(options));
  HttpServerOptions server_options;
  server_options.tls = tls;
  HttpServer old(pool_.loops(), server_options, Hello);
  ASSERT_OK_AND_ASSIGN(address_, old.Listen("127.0.0.1:0"));
  EXPECT_THAT(client_.Fetch(Request(ClientTls())),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("expired")));
}

TEST_F(TlsTest, ReloadsCertificatesForNewConnections) {
  Serve(Hello);
  const int64_t before = server_tls_->certificate_not_after();
  EXPECT_GT(before, 0);
  ca_.Issue("server", {.ip_sans = {"127.0.0.1"}, .valid_seconds = 7200});
  ASSERT_OK(server_tls_->Reload());
  EXPECT_GE(server_tls_->certificate_not_after(), before + 3600 - 5);
  EXPECT_OK(client_.Fetch(Request(ClientTls())));
  // A broken file changes nothing.
  WriteTestFile(dir_ + "/server.pem", "nonsense");
  EXPECT_THAT(server_tls_->Reload(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("server.pem")));
  EXPECT_OK(client_.Fetch(Request(ClientTls())));
}

TEST_F(TlsTest, ErrorsNameFileAndCause) {
  TlsServerOptions options;
  EXPECT_THAT(TlsContext::CreateServer(options), StatusIs(absl::StatusCode::kFailedPrecondition));
  options.identity = ca_.Issue("a", {});
  options.identity.certificate_file = dir_ + "/none.pem";
  EXPECT_THAT(TlsContext::CreateServer(options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.pem")));
  options.identity = ca_.Issue("a", {});
  options.identity.key_file = ca_.Issue("b", {}).key_file;
  EXPECT_THAT(TlsContext::CreateServer(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("does not belong")));
  options.identity = ca_.Issue("c", {.key_passphrase = "opensesame"});
  EXPECT_OK(TlsContext::CreateServer(options));
  WriteTestFile(options.identity.key_passphrase_file, "wrong");
  EXPECT_THAT(
      TlsContext::CreateServer(options),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               ::testing::AllOf(HasSubstr("passphrase"), ::testing::Not(HasSubstr("wrong")))));
  options.identity.key_passphrase_file = "";
  EXPECT_THAT(TlsContext::CreateServer(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("passphrase file")));
  options.identity = ca_.Issue("d", {});
  options.client_auth = ClientAuth::kRequired;
  EXPECT_THAT(TlsContext::CreateServer(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("CA file")));
}

TEST_F(TlsTest, StreamsFilesAndBodiesBothWays) {
  const std::string path = dir_ + "/file";
  std::string content;
  for (int i = 0; i < 2000000; ++i) absl::StrAppend(&content, i, ",");
  WriteTestFile(path, content);
  auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY));
  Serve([&](Exchange e) {
    if (e->method() == "GET") {
      e->StartResponse(200, {}, content.size());
      e->SendFile(fd->get(), 0, content.size() - 9, fd);
      e->Write(content.substr(content.size() - 9));
      return e->Finish();
    }
    e->set_max_body_bytes(1 << 30);
    auto all = std::make_shared<std::string>();
    e->OnBody([e, all, &content](absl::string_view data, bool end) {
      all->append(data.data(), data.size());
      if (end) e->Respond(*all == content ? 200 : 400, {}, "");
    });
  });
  const auto tls = ClientTls();
  std::string got;
  EXPECT_OK(client_.FetchStreaming(
      Request(tls), [](const HttpResponseHead&) { return absl::OkStatus(); },
      [&](absl::string_view data) {
        got.append(data.data(), data.size());
        return absl::OkStatus();
      }));
  EXPECT_EQ(got, content);
  HttpClientRequest upload = Request(tls);
  upload.method = "PUT";
  size_t sent = 0;
  ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                       client_.Upload(std::move(upload), [&](absl::Span<char> buffer) {
                         const size_t n = content.copy(buffer.data(), buffer.size(), sent);
                         sent += n;
                         return absl::StatusOr<size_t>(n);
                       }));
  EXPECT_EQ(response.status, 200);
}

TEST_F(TlsTest, ASlowReaderHoldsBackTheWriter) {
  static constexpr uint64_t kSize = 32 << 20;
  std::atomic<uint64_t> most{0};
  Serve([&most](Exchange e) {
    e->StartResponse(200, {}, kSize);
    auto left = std::make_shared<uint64_t>(kSize);
    auto fill = std::make_shared<std::function<void()>>();
    *fill = [&most, e, left, fill] {
      const std::string block(64 * 1024, 'x');
      while (*left > 0) {
        *left -= block.size();
        const bool more = e->Write(block);
        most = std::max<uint64_t>(most, e->pending_bytes());
        if (!more) break;
      }
      if (*left > 0) return e->OnDrained([fill] { (*fill)(); });
      e->Finish();
      e->Post([fill](HttpExchange&) { *fill = nullptr; });
    };
    (*fill)();
  });
  uint64_t got = 0;
  absl::Notification first;
  EXPECT_OK(client_.FetchStreaming(
      Request(ClientTls()), [](const HttpResponseHead&) { return absl::OkStatus(); },
      [&](absl::string_view data) {
        got += data.size();
        std::this_thread::yield();
        return absl::OkStatus();
      }));
  EXPECT_EQ(got, kSize);
  EXPECT_LE(most, HttpServerOptions::kDefaultWriteHighWatermark + 64 * 1024);
}

TEST_F(TlsTest, PlainTextAndGarbageOnATlsPortEndTheConnection) {
  Serve(Hello);
  for (const std::string& text : {std::string("GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
                                  std::string("\x16\x03\x01\xff\xff too long"),
                                  std::string("\x16\x03\x01\x00\x05hello", 10)}) {
    RawConnection connection(address_);
    connection.Send(text);
    connection.ReadToEnd();
  }
  while (server_->stats().tls_handshake_failures < 3) std::this_thread::yield();
  EXPECT_OK(client_.Fetch(Request(ClientTls())));
}

TEST_F(TlsTest, AClientThatSaysNothingTimesOut) {
  TlsServerOptions tls_options;
  tls_options.identity = ca_.Issue("server", {});
  HttpServerOptions options;
  options.tls = *TlsContext::CreateServer(tls_options);
  options.head_timeout = absl::Milliseconds(50);
  HttpServer server(pool_.loops(), options, Hello);
  ASSERT_OK_AND_ASSIGN(const SocketAddress address, server.Listen("127.0.0.1:0"));
  RawConnection connection(address);
  EXPECT_EQ(connection.ReadToEnd(), "");
}

TEST_F(TlsTest, ResetIsNoCleanEnd) {
  Serve([](Exchange e) {
    e->StartResponse(200, {}, absl::nullopt);
    e->Write("part");
    e->OnDrained([e] { e->Reset(); });
  });
  EXPECT_THAT(client_.Fetch(Request(ClientTls())), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace kraken::net
