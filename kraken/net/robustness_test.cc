// What the network can do to server and client: random bytes, resets, bodies larger than memory.
#include <fcntl.h>
#include <unistd.h>

#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/peak_memory.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/test_certificates.h"

namespace kraken::net {
namespace {

using Exchange = std::shared_ptr<HttpExchange>;

class RobustnessTest : public ::testing::Test {
 protected:
  void Serve(HttpHandler handler, std::shared_ptr<const TlsContext> tls = nullptr) {
    HttpServerOptions options;
    options.tls = std::move(tls);
    server_ = std::make_unique<HttpServer>(pool_.loops(), options, std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  std::shared_ptr<TlsContext> ServerTls() {
    TlsServerOptions options;
    options.identity = ca_.Issue("server", {.ip_sans = {"127.0.0.1"}});
    return *TlsContext::CreateServer(options);
  }
  std::shared_ptr<TlsContext> ClientTls() {
    TlsClientOptions options;
    options.ca_files = {ca_.ca_file()};
    return *TlsContext::CreateClient(options);
  }
  HttpClientRequest Request(bool tls = false) {
    HttpClientRequest request;
    request.url = *Url::Parse(absl::StrCat(tls ? "https://" : "http://", address_.ToString(), "/"));
    if (tls) request.tls = ClientTls();
    return request;
  }
  void WaitForNoConnections() {
    while (server_->stats().connections_open > 0) std::this_thread::yield();
  }

  TestCa ca_{MakeTestDir(), "ca"};
  LoopPool pool_{"server", 2};
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
};

void Echo(Exchange exchange) {
  HttpExchange* raw = exchange.get();
  raw->ReadBody([exchange](std::string body) { exchange->Respond(200, {}, body); });
}

TEST_F(RobustnessTest, RandomBytesHurtNobody) {
  for (const bool tls : {false, true}) {
    Serve(Echo, tls ? ServerTls() : nullptr);
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
      std::string bytes(random() % 2000, '\0');
      for (char& c : bytes) c = static_cast<char>(random());
      // Some begin well.
      if (i % 3 == 1) {
        bytes.insert(0, "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
      }
      if (i % 3 == 2) bytes.insert(0, "\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", 11);
      RawConnection connection(address_);
      connection.Send(bytes);
      switch (i % 4) {
        case 0:
          connection.Reset();
          break;
        case 1:
          connection.Close();
          break;
        default:
          connection.ShutdownWrite();
          connection.ReadToEnd();
      }
    }
    WaitForNoConnections();
    BlockingHttpClient client({});
    HttpClientRequest request = Request(tls);
    request.method = "PUT";
    request.body = "alive";
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, client.Fetch(std::move(request)));
    EXPECT_EQ(response.body, "alive");
  }
}

TEST_F(RobustnessTest, ResetsAtAnyMomentLeaveNothingBehind) {
  Serve([](Exchange e) {
    e->set_max_body_bytes(1 << 30);
    HttpExchange* raw = e.get();
    raw->OnBody([e, started = false](absl::string_view data, bool end) mutable {
      if (!std::exchange(started, true)) e->StartResponse(200, {}, absl::nullopt);
      e->Write(data);
      if (end) e->Finish();
    });
  });
  std::mt19937 random(11);
  const std::string block(10000, 'x');
  for (int i = 0; i < 200; ++i) {
    RawConnection connection(address_);
    connection.Send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n");
    const unsigned blocks = random() % 20;
    for (unsigned b = 0; b < blocks; ++b) connection.Send(block);
    if (blocks > 0 && random() % 2 == 0) connection.ReadBytes(random() % 1000);
    if (random() % 2 == 0) {
      connection.Reset();
    } else {
      connection.Close();
    }
  }
  WaitForNoConnections();
}

// More than fits into 32 bits, and into memory if it were kept.
TEST_F(RobustnessTest, TenGigabytesPassThroughInFlatMemory) {
  static constexpr uint64_t kSize = 10'000'000'000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  // Their quarantines and shadows.
  static constexpr uint64_t kMemory = 1 << 30;
#else
  static constexpr uint64_t kMemory = 48 << 20;
#endif
  const std::string path = MakeTestDir() + "/sparse";
  auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CREAT, 0600));
  static constexpr uint64_t kFileSize = 5'000'000'000;
  ASSERT_EQ(::ftruncate(fd->get(), kFileSize), 0);
  Serve([fd](Exchange e) {
    if (e->method() == "GET") {
      e->StartResponse(200, {}, kFileSize);
      e->SendFile(fd->get(), 0, kFileSize, fd);
      return e->Finish();
    }
    e->set_max_body_bytes(kSize);
    HttpExchange* raw = e.get();
    raw->OnBody([e](absl::string_view, bool end) {
      if (end) e->Respond(200, {}, absl::StrCat(e->body_bytes_received()));
    });
  });
  const uint64_t before = PeakMemory();
  BlockingHttpClient client({});
  uint64_t left = kSize;
  HttpClientRequest upload = Request();
  upload.method = "PUT";
  upload.streamed_body_bytes = kSize;
  ASSERT_OK_AND_ASSIGN(
      const HttpResponse response, client.Upload(std::move(upload), [&](absl::Span<char> buffer) {
        const size_t n = static_cast<size_t>(std::min<uint64_t>(left, buffer.size()));
        left -= n;
        return absl::StatusOr<size_t>(n);
      }));
  EXPECT_EQ(response.body, absl::StrCat(kSize));
  uint64_t got = 0;
  ASSERT_OK(client.FetchStreaming(
      Request(), [](const HttpResponseHead&) { return absl::OkStatus(); },
      [&](absl::string_view data) {
        got += data.size();
        return absl::OkStatus();
      }));
  EXPECT_EQ(got, kFileSize);
  EXPECT_LT(PeakMemory(), before + kMemory);
}

TEST_F(RobustnessTest, ManyConnectionsComeAndGo) {
  Serve([](Exchange e) { e->Respond(200, {}, "x"); });
  constexpr int kThreads = 4;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 500; ++i) {
        RawConnection connection(address_);
        connection.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        EXPECT_THAT(connection.ReadToEnd(), ::testing::EndsWith("\r\n\r\nx"));
      }
    });
  }
  for (auto& thread : threads) thread.join();
  WaitForNoConnections();
  EXPECT_EQ(server_->stats().requests, 2000);
}

}  // namespace
}  // namespace kraken::net
