#include "kraken/net/blocking_http_client.h"

#include <atomic>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"

namespace kraken::net {
namespace {

using Exchange = std::shared_ptr<HttpExchange>;

class BlockingHttpClientTest : public ::testing::Test {
 protected:
  void Serve(HttpHandler handler) {
    server_ = std::make_unique<HttpServer>(pool_.loops(), HttpServerOptions(), std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  HttpClientRequest Request(absl::string_view method = "GET") {
    HttpClientRequest request;
    request.method = std::string(method);
    request.url = *Url::Parse(absl::StrCat("http://", address_.ToString(), "/"));
    return request;
  }

  LoopPool pool_{"server", 2};
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
  BlockingHttpClient client_{{}};
};

constexpr auto kIgnoreHead = [](const HttpResponseHead&) { return absl::OkStatus(); };

TEST_F(BlockingHttpClientTest, ServesManyThreads) {
  Serve([](Exchange e) { e->ReadBody([e](std::string body) { e->Respond(200, {}, body); }); });
  std::vector<std::thread> threads;
  threads.reserve(8);
  std::atomic<int> right{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        HttpClientRequest request = Request("POST");
        request.body = absl::StrCat(t, "-", i);
        const std::string expected = request.body;
        const absl::StatusOr<HttpResponse> response = client_.Fetch(std::move(request));
        if (response.ok() && response->body == expected) ++right;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(right, 400);
  EXPECT_LE(client_.stats().connections_opened, 8);
}

TEST_F(BlockingHttpClientTest, ABlockedSinkHoldsBackTheServer) {
  static constexpr uint64_t kSize = 64 << 20;
  std::atomic<uint64_t> written{0};
  Serve([&written](Exchange e) {
    e->StartResponse(200, {}, kSize);
    auto fill = std::make_shared<std::function<void()>>();
    *fill = [&written, e, fill] {
      const std::string block(64 * 1024, 'x');
      while (written < kSize) {
        written += block.size();
        if (!e->Write(block)) break;
      }
      if (written < kSize) return e->OnDrained([fill] { (*fill)(); });
      e->Finish();
      e->Post([fill](HttpExchange&) { *fill = nullptr; });
    };
    (*fill)();
  });
  uint64_t got = 0;
  ASSERT_OK(client_.FetchStreaming(Request(), kIgnoreHead, [&](absl::string_view data) {
    if (got == 0) {
      // The server gets stuck for good: it is held back, with far from everything sent.
      uint64_t before = 0;
      do {
        before = written;
        for (int i = 0; i < 1000; ++i) std::this_thread::yield();
      } while (written != before);
      EXPECT_LT(written, kSize);
    }
    got += data.size();
    return absl::OkStatus();
  }));
  EXPECT_EQ(got, kSize);
}

TEST_F(BlockingHttpClientTest, AnErrorOfTheSinkEndsTheFetch) {
  auto cancelled = std::make_shared<std::atomic<int>>(0);
  Serve([cancelled](Exchange e) {
    auto more = std::make_shared<std::function<void()>>();
    e->OnCancel([cancelled, more](const absl::Status&) {
      *more = nullptr;
      ++*cancelled;
    });
    e->StartResponse(200, {}, absl::nullopt);
    e->Write("x");
    // Until the client is gone.
    *more = [e, more] {
      e->Write(std::string(64 * 1024, 'x'));
      e->OnDrained([more] { (*more)(); });
    };
    e->OnDrained([more] { (*more)(); });
  });
  EXPECT_THAT(client_.FetchStreaming(Request(), kIgnoreHead,
                                     [](absl::string_view) { return absl::DataLossError("bad"); }),
              StatusIs(absl::StatusCode::kDataLoss, "bad"));
  EXPECT_THAT(client_.FetchStreaming(
                  Request(), [](const HttpResponseHead&) { return absl::NotFoundError("no"); },
                  [](absl::string_view) { return absl::OkStatus(); }),
              StatusIs(absl::StatusCode::kNotFound, "no"));
  while (*cancelled < 2) std::this_thread::yield();
}

TEST_F(BlockingHttpClientTest, UploadsFromASource) {
  Serve([](Exchange e) {
    e->set_max_body_bytes(1 << 30);
    e->OnBody([e](absl::string_view, bool end) {
      if (end) e->Respond(200, {}, absl::StrCat(e->body_bytes_received()));
    });
  });
  static constexpr size_t kSize = 10'000'019;
  for (const bool with_length : {true, false}) {
    HttpClientRequest request = Request("PUT");
    if (with_length) request.streamed_body_bytes = kSize;
    size_t left = kSize;
    ASSERT_OK_AND_ASSIGN(const HttpResponse response,
                         client_.Upload(std::move(request), [&](absl::Span<char> buffer) {
                           const size_t n = std::min(left, buffer.size());
                           left -= n;
                           return absl::StatusOr<size_t>(n);
                         }));
    EXPECT_EQ(response.body, absl::StrCat(kSize));
  }
}

TEST_F(BlockingHttpClientTest, AnErrorOfTheSourceEndsTheUpload) {
  absl::Notification cancelled;
  Serve([&](Exchange e) {
    e->OnCancel([&](const absl::Status&) { cancelled.Notify(); });
    e->OnBody([e](absl::string_view, bool) {});
  });
  bool first = true;
  EXPECT_THAT(client_.Upload(Request("PUT"),
                             [&](absl::Span<char>) -> absl::StatusOr<size_t> {
                               if (std::exchange(first, false)) return 1;
                               return absl::DataLossError("disk");
                             }),
              StatusIs(absl::StatusCode::kDataLoss, "disk"));
  cancelled.WaitForNotification();
}

TEST_F(BlockingHttpClientTest, ShutdownEndsWhatIsUnderWay) {
  Exchange kept;
  absl::Notification asked;
  Serve([&](Exchange e) {
    kept = std::move(e);
    asked.Notify();
  });
  std::thread thread(
      [this] { EXPECT_THAT(client_.Fetch(Request()), StatusIs(absl::StatusCode::kCancelled)); });
  asked.WaitForNotification();
  client_.Shutdown();
  thread.join();
  EXPECT_THAT(client_.Fetch(Request()), StatusIs(absl::StatusCode::kCancelled));
  server_.reset();
  kept.reset();
}

}  // namespace
}  // namespace kraken::net
