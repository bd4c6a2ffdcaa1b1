#include "kraken/net/http_client.h"

#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/listen_socket.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/router.h"

namespace kraken::net {
namespace {

using ::testing::HasSubstr;
using Exchange = std::shared_ptr<HttpExchange>;

// Accepts connections and says what it is told, one answer per connection or request.
class RawServer {
 public:
  // `serve` runs in a thread per connection, with the connection's number; closes when it returns.
  explicit RawServer(std::function<void(int fd, int number)> serve)
      : socket_(*ListenSocket::Listen("127.0.0.1:0")), thread_([this, serve = std::move(serve)] {
          std::vector<std::thread> threads;
          for (int number = 0;; ++number) {
            pollfd_wait();
            const int fd = ::accept(socket_.fd(), nullptr, nullptr);
            if (stop_) {
              if (fd >= 0) ::close(fd);
              break;
            }
            if (fd < 0) {
              --number;
              continue;
            }
            threads.emplace_back([serve, fd, number] {
              serve(fd, number);
              ::close(fd);
            });
          }
          for (auto& thread : threads) thread.join();
        }) {}
  ~RawServer() {
    stop_ = true;
    RawConnection wake(socket_.address());
    thread_.join();
  }
  const SocketAddress& address() const { return socket_.address(); }

 private:
  void pollfd_wait() {
    fd_set set;
    FD_ZERO(&set);
    FD_SET(socket_.fd(), &set);
    ::select(socket_.fd() + 1, &set, nullptr, nullptr, nullptr);
  }

  ListenSocket socket_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Reads one request's head. False at the end of the connection.
bool ReadHead(int fd, std::string* head) {
  head->clear();
  char c;
  while (!absl::EndsWith(*head, "\r\n\r\n")) {
    if (::recv(fd, &c, 1, 0) <= 0) return false;
    head->push_back(c);
  }
  return true;
}

void Say(int fd, absl::string_view text) {
  (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() { Make({}); }
  ~HttpClientTest() override { Drop(); }

  void Make(HttpClientOptions options) {
    Drop();
    client_loop_.RunAndWait(
        [&] { client_ = std::make_unique<HttpClient>(&client_loop_.loop(), std::move(options)); });
  }
  void Drop() {
    client_loop_.RunAndWait([&] { client_.reset(); });
  }
  void Serve(HttpHandler handler, HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(pool_.loops(), std::move(options), std::move(handler));
    ASSERT_OK_AND_ASSIGN(address_, server_->Listen("127.0.0.1:0"));
  }
  HttpClientRequest Request(absl::string_view target = "/", absl::string_view method = "GET") {
    return RequestTo(address_, target, method);
  }
  static HttpClientRequest RequestTo(const SocketAddress& address, absl::string_view target = "/",
                                     absl::string_view method = "GET") {
    HttpClientRequest request;
    request.method = std::string(method);
    request.url = *Url::Parse(absl::StrCat("http://", address.ToString(), target));
    return request;
  }
  absl::StatusOr<HttpResponse> Fetch(HttpClientRequest request) {
    absl::StatusOr<HttpResponse> result;
    absl::Notification done;
    client_loop_.loop().Post([&] {
      client_->Fetch(std::move(request), [&](absl::StatusOr<HttpResponse> response) {
        result = std::move(response);
        done.Notify();
      });
    });
    done.WaitForNotification();
    return result;
  }
  HttpClientStats Stats() {
    HttpClientStats stats;
    client_loop_.RunAndWait([&] { stats = client_->stats(); });
    return stats;
  }

  LoopPool pool_{"server", 2};
  LoopThread client_loop_{"client"};
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
  std::unique_ptr<HttpClient> client_;
};

TEST_F(HttpClientTest, FetchesAndReusesTheConnection) {
  Serve([](Exchange e) {
    e->Respond(200, {{"X", std::string(e->request().headers.GetOr("Y"))}},
               absl::StrCat(e->request().target, " ", e->request().headers.GetOr("Host")));
  });
  for (int i = 0; i < 3; ++i) {
    HttpClientRequest request = Request("/a?b=c");
    request.headers.Add("Y", "z");
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, Fetch(std::move(request)));
    EXPECT_EQ(response.status, 200);
    EXPECT_EQ(response.body, absl::StrCat("/a?b=c ", address_.ToString()));
    EXPECT_EQ(response.headers.GetOr("x"), "z");
  }
  EXPECT_EQ(Stats().connections_opened, 1);
  EXPECT_EQ(Stats().connections_reused, 2);
  EXPECT_EQ(Stats().idle_connections, 1);
}

TEST_F(HttpClientTest, SendsBodies) {
  Serve([](Exchange e) {
    e->ReadBody([e](std::string body) {
      e->Respond(
          201, {},
          absl::StrCat(e->method(), ":", e->request().headers.GetOr("Content-Length"), ":", body));
    });
  });
  HttpClientRequest request = Request("/", "PUT");
  request.body = "payload";
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Fetch(std::move(request)));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "PUT:7:payload");
  ASSERT_OK_AND_ASSIGN(const HttpResponse empty, Fetch(Request("/", "POST")));
  EXPECT_EQ(empty.body, "POST:0:");
}

TEST_F(HttpClientTest, ReadsEachFraming) {
  RawServer server([](int fd, int number) {
    std::string head;
    ReadHead(fd, &head);
    switch (number) {
      case 0:
        return Say(
            fd,
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            "3\r\nabc\r\n2;x\r\nde\r\n0\r\nT: v\r\n\r\n");
      case 1:
        return Say(fd, "HTTP/1.0 200 OK\r\n\r\nuntil close");
      case 2:
        return Say(fd, "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n");
      case 3:
        return Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
      default:
        return Say(fd, "HTTP/1.1 304\r\n\r\n");
    }
  });
  const std::string bodies[] = {"abcde", "until close", "", "", ""};
  for (const std::string& body : bodies) {
    Make({});
    ASSERT_OK_AND_ASSIGN(const HttpResponse response, Fetch(RequestTo(server.address())));
    EXPECT_EQ(response.body, body);
  }
}

TEST_F(HttpClientTest, RefusesWhatIsNotHttp) {
  RawServer server([](int fd, int number) {
    std::string head;
    ReadHead(fd, &head);
    const char* answers[] = {
        "SSH-2.0-x\r\n",
        "HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    Say(fd, answers[number]);
  });
  for (int i = 0; i < 6; ++i) {
    EXPECT_THAT(Fetch(RequestTo(server.address())),
                StatusIs(absl::StatusCode::kInternal, HasSubstr("GET http://127.0.0.1:")))
        << i;
  }
}

TEST_F(HttpClientTest, ACutBodyIsAnError) {
  RawServer server([](int fd, int) {
    std::string head;
    ReadHead(fd, &head);
    Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  EXPECT_THAT(Fetch(RequestTo(server.address(), "/x?secret=1")),
              StatusIs(absl::StatusCode::kUnavailable,
                       ::testing::AllOf(HasSubstr("mid-body"), HasSubstr("/x: "),
                                        ::testing::Not(HasSubstr("secret")))));
}

// The kernel reports data and reset in one edge, and gives the data first.
TEST_F(HttpClientTest, AResetThatComesWithDataIsNoticed) {
  RawServer server([](int fd, int number) {
    std::string head;
    ReadHead(fd, &head);
    Say(fd, number % 2 == 0 ? "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
                            : "HTTP/1.1 200 OK\r\nContent-Le");
    const linger hard = {1, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
  });
  for (int i = 0; i < 100; ++i) {
    HttpClientRequest request = RequestTo(server.address());
    request.timeouts.head = request.timeouts.progress = absl::InfiniteDuration();
    EXPECT_THAT(Fetch(std::move(request)), StatusIs(absl::StatusCode::kUnavailable));
  }
}

TEST_F(HttpClientTest, ARefusedConnectionIsUnavailable) {
  ASSERT_OK_AND_ASSIGN(ListenSocket socket, ListenSocket::Listen("127.0.0.1:0"));
  const SocketAddress address = socket.address();
  { ListenSocket closed = std::move(socket); }
  EXPECT_THAT(Fetch(RequestTo(address)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Connection refused")));
}

TEST_F(HttpClientTest, AnUnknownNameIsUnavailable) {
  HttpClientRequest request;
  request.url = *Url::Parse("http://no-such-host.invalid/");
  EXPECT_THAT(Fetch(std::move(request)),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("no-such-host.invalid")));
}

TEST_F(HttpClientTest, TriesTheNextAddressOfAName) {
  // "localhost" may be ::1 first, where nobody listens.
  Serve([](Exchange e) { e->Respond(200, {}, "found"); });
  HttpClientRequest request;
  request.url = *Url::Parse(absl::StrCat("http://localhost:", address_.port(), "/"));
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Fetch(std::move(request)));
  EXPECT_EQ(response.body, "found");
}

TEST_F(HttpClientTest, ADeadKeptConnectionIsReplacedOnceForIdempotentRequests) {
  RawServer server([](int fd, int number) {
    std::string head;
    ReadHead(fd, &head);
    Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    // The first connection dies with the second request in its hands.
    if (number == 0) ReadHead(fd, &head);
  });
  ASSERT_OK(Fetch(RequestTo(server.address())));
  ASSERT_OK(Fetch(RequestTo(server.address())));
  EXPECT_EQ(Stats().retried_on_stale_connection, 1);
  EXPECT_EQ(Stats().connections_opened, 2);
}

TEST_F(HttpClientTest, APostIsNotSentTwice) {
  std::atomic<int> posts{0};
  RawServer server([&posts](int fd, int) {
    std::string head;
    while (ReadHead(fd, &head)) {
      if (absl::StartsWith(head, "POST")) {
        ++posts;
        return;
      }
      Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    }
  });
  ASSERT_OK(Fetch(RequestTo(server.address())));
  EXPECT_THAT(Fetch(RequestTo(server.address(), "/", "POST")),
              StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(posts, 1);
}

TEST_F(HttpClientTest, TimesOutWithoutAnAnswer) {
  absl::Notification end;
  RawServer server([&end](int fd, int number) {
    std::string head;
    ReadHead(fd, &head);
    if (number == 1) Say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    end.WaitForNotification();
  });
  HttpClientRequest request = RequestTo(server.address());
  request.timeouts.head = absl::Milliseconds(50);
  EXPECT_THAT(Fetch(std::move(request)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("no answer within 50ms")));
  request = RequestTo(server.address());
  request.timeouts.progress = absl::Milliseconds(50);
  EXPECT_THAT(Fetch(std::move(request)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("after 4 bytes")));
  request = RequestTo(server.address());
  request.timeouts.total = absl::Milliseconds(50);
  EXPECT_THAT(Fetch(std::move(request)),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("not done within 50ms")));
  end.Notify();
}

TEST_F(HttpClientTest, LimitsTheBody) {
  Serve([](Exchange e) {
    if (e->path() == "/length") return e->Respond(200, {}, "0123456789");
    e->StartResponse(200, {}, absl::nullopt);
    e->Write("0123456789");
    e->Finish();
  });
  for (const char* path : {"/length", "/chunked"}) {
    HttpClientRequest request = Request(path);
    request.max_body_bytes = 9;
    EXPECT_THAT(Fetch(std::move(request)), StatusIs(absl::StatusCode::kResourceExhausted));
    request = Request(path);
    request.max_body_bytes = 10;
    EXPECT_OK(Fetch(std::move(request)));
  }
}

TEST_F(HttpClientTest, APausedCallHoldsBackTheServer) {
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
  std::atomic<uint64_t> received{0};
  absl::Notification paused;
  absl::Notification done;
  absl::Status status;
  std::shared_ptr<HttpCall> call;
  client_loop_.loop().Post([&] {
    HttpCallbacks callbacks;
    callbacks.on_body = [&](absl::string_view data) {
      received += data.size();
      if (!paused.HasBeenNotified()) {
        call->Pause();
        paused.Notify();
      }
    };
    callbacks.on_done = [&](absl::Status s) {
      status = std::move(s);
      done.Notify();
    };
    call = client_->Start(Request(), std::move(callbacks));
  });
  paused.WaitForNotification();
  const uint64_t at_pause = received;
  EXPECT_LE(at_pause, EventLoop::kScratchBytes);
  client_loop_.RunAndWait([&] { EXPECT_EQ(received, at_pause); });
  EXPECT_LT(written, kSize);
  client_loop_.RunAndWait([&] { call->Resume(); });
  done.WaitForNotification();
  EXPECT_OK(status);
  EXPECT_EQ(received, kSize);
  call.reset();
}

TEST_F(HttpClientTest, StreamsARequestBodyWithBackPressure) {
  for (const bool chunked : {false, true}) {
    static constexpr uint64_t kSize = 16 << 20;
    std::atomic<uint64_t> received{0};
    Serve([&received](Exchange e) {
      e->set_max_body_bytes(kSize);
      e->OnBody([&received, e](absl::string_view data, bool end) {
        received += data.size();
        if (end) e->Respond(200, {}, absl::StrCat(e->body_bytes_received()));
      });
    });
    absl::Notification done;
    absl::Status status;
    std::string body;
    uint64_t sent = 0;
    std::shared_ptr<HttpCall> call;
    client_loop_.loop().Post([&] {
      HttpClientRequest request = Request("/", "PUT");
      request.streamed_body = true;
      if (!chunked) request.streamed_body_bytes = kSize;
      HttpCallbacks callbacks;
      callbacks.on_drained = [&] {
        const std::string block(64 * 1024, 'x');
        while (sent < kSize) {
          sent += block.size();
          if (!call->Write(block)) return;
        }
        call->FinishBody();
      };
      callbacks.on_body = [&](absl::string_view data) { body.append(data.data(), data.size()); };
      callbacks.on_done = [&](absl::Status s) {
        status = std::move(s);
        done.Notify();
      };
      call = client_->Start(std::move(request), std::move(callbacks));
    });
    done.WaitForNotification();
    EXPECT_OK(status);
    EXPECT_EQ(body, absl::StrCat(kSize));
    EXPECT_EQ(received, kSize);
    client_loop_.RunAndWait([&] { call.reset(); });
  }
}

TEST_F(HttpClientTest, AnEarlyRefusalOfAnUploadIsTheAnswer) {
  Serve([](Exchange e) { e->RespondError(401, "no"); });
  absl::Notification done;
  absl::Status status;
  int code = 0;
  std::shared_ptr<HttpCall> call;
  client_loop_.loop().Post([&] {
    HttpClientRequest request = Request("/", "PUT");
    request.streamed_body = true;
    HttpCallbacks callbacks;
    callbacks.on_drained = [&] {
      const std::string block(64 * 1024, 'x');
      while (call->Write(block)) {
      }
    };
    callbacks.on_head = [&](const HttpResponseHead& head) { code = head.status; };
    callbacks.on_done = [&](absl::Status s) {
      status = std::move(s);
      done.Notify();
    };
    call = client_->Start(std::move(request), std::move(callbacks));
  });
  done.WaitForNotification();
  EXPECT_OK(status);
  EXPECT_EQ(code, 401);
  client_loop_.RunAndWait([&] { call.reset(); });
}

TEST_F(HttpClientTest, CancelFromWithinACallbackEndsItSilently) {
  Serve([](Exchange e) { e->Respond(200, {}, std::string(1 << 20, 'x')); });
  std::atomic<int> calls{0};
  absl::Notification cancelled;
  client_loop_.loop().Post([&] {
    auto call = std::make_shared<std::shared_ptr<HttpCall>>();
    HttpCallbacks callbacks;
    callbacks.on_body = [&, call](absl::string_view) {
      ++calls;
      (*call)->Cancel();
      EXPECT_TRUE((*call)->over());
      cancelled.Notify();
    };
    callbacks.on_done = [&](absl::Status) { ++calls; };
    *call = client_->Start(Request(), std::move(callbacks));
  });
  cancelled.WaitForNotification();
  EXPECT_EQ(Stats().active_connections, 0);
  EXPECT_EQ(calls, 1);
}

TEST_F(HttpClientTest, TheClientMayBeDestroyedInACallback) {
  Serve([](Exchange e) { e->Respond(200, {}, "x"); });
  absl::Notification done;
  client_loop_.loop().Post([&] {
    client_->Fetch(Request(), [&](absl::StatusOr<HttpResponse> response) {
      EXPECT_OK(response);
      client_.reset();
      done.Notify();
    });
    client_->Fetch(Request(), [&](absl::StatusOr<HttpResponse>) {});
  });
  done.WaitForNotification();
}

TEST_F(HttpClientTest, BeyondTheLimitCallsWaitForAConnection) {
  HttpClientOptions options;
  options.max_connections_per_host = 2;
  options.max_queued_per_host = 30;
  Make(options);
  Serve([](Exchange e) { e->Respond(200, {}, "x"); });
  std::atomic<int> ok{0};
  std::atomic<int> refused{0};
  absl::Notification done;
  client_loop_.loop().Post([&] {
    for (int i = 0; i < 40; ++i) {
      client_->Fetch(Request(), [&](absl::StatusOr<HttpResponse> response) {
        if (response.ok()) ++ok;
        if (absl::IsResourceExhausted(response.status())) ++refused;
        if (ok + refused == 40) done.Notify();
      });
    }
  });
  done.WaitForNotification();
  EXPECT_EQ(ok, 32);
  EXPECT_EQ(refused, 8);
  EXPECT_EQ(Stats().connections_opened, 2);
}

TEST_F(HttpClientTest, IdleConnectionsAreClosedInTime) {
  HttpClientOptions options;
  options.idle_timeout = absl::Milliseconds(20);
  Make(options);
  Serve([](Exchange e) { e->Respond(200, {}, "x"); });
  ASSERT_OK(Fetch(Request()));
  while (Stats().idle_connections > 0 || server_->stats().connections_open > 0) {
    std::this_thread::yield();
  }
}

TEST_F(HttpClientTest, DialsAUnixSocket) {
  Serve([](Exchange e) { e->Respond(200, {}, e->request().headers.GetOr("Host")); });
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  ASSERT_OK(server_->Listen(absl::StrCat("unix:", path)));
  HttpClientRequest request;
  request.url = *Url::Parse("http://docker/v1.24/images");
  request.unix_socket_path = path;
  ASSERT_OK_AND_ASSIGN(const HttpResponse response, Fetch(std::move(request)));
  EXPECT_EQ(response.body, "docker");
  server_.reset();
}

TEST_F(HttpClientTest, HttpsWithoutAContextIsAConfigurationError) {
  HttpClientRequest request;
  request.url = *Url::Parse("https://localhost/");
  EXPECT_THAT(Fetch(std::move(request)), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(RedirectLocation, ResolvesAgainstTheRequest) {
  const Url url = *Url::Parse("https://a.example:8443/v2/x/blobs/1?q");
  const auto to = [&](absl::string_view location) {
    absl::StatusOr<Url> result = RedirectLocation(url, 307, {{"Location", location}});
    return result.ok() ? result->ToString() : "error";
  };
  EXPECT_EQ(to("http://b/c?d=e#f"), "http://b/c?d=e");
  EXPECT_EQ(to("//b/c"), "https://b/c");
  EXPECT_EQ(to("/c/../d"), "https://a.example:8443/d");
  EXPECT_EQ(to("2"), "https://a.example:8443/v2/x/blobs/2");
  EXPECT_EQ(to("?z"), "https://a.example:8443/v2/x/blobs/1?z");
  EXPECT_EQ(to("ftp://b/"), "error");
  EXPECT_EQ(to("http://user:pass@b/"), "error");
  EXPECT_THAT(RedirectLocation(url, 200, {{"Location", "/"}}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(RedirectLocation(url, 302, {}), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace kraken::net
