#include "kraken/net/http_server.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/router.h"

namespace kraken::net {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

using Exchange = std::shared_ptr<HttpExchange>;

class HttpServerTest : public ::testing::Test {
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
  void WaitForNoConnections() {
    while (server_->stats().connections_open > 0) std::this_thread::yield();
  }

  LoopPool pool_{"test", 2};
  std::unique_ptr<HttpServer> server_;
  SocketAddress address_;
};

void Hello(Exchange exchange) { exchange->Respond(200, {{"X-Test", "yes"}}, "hello"); }

TEST_F(HttpServerTest, AnswersInOneGo) {
  Serve(Hello);
  const std::string answer = Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(answer, HasSubstr("\r\nX-Test: yes\r\nContent-Length: 5\r\n"));
  EXPECT_THAT(answer, EndsWith("Connection: close\r\n\r\nhello"));
}

TEST_F(HttpServerTest, KeepsAConnectionAliveAndAnswersPipelinedRequestsInOrder) {
  std::atomic<int> count{0};
  Serve([&count](Exchange exchange) {
    exchange->Respond(200, {}, absl::StrCat("<", exchange->request().target, count++, ">"));
  });
  RawConnection connection(address_);
  std::string requests;
  for (int i = 0; i < 100; ++i) {
    absl::StrAppend(&requests, "GET /", i, "- HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  connection.Send(requests);
  for (int i = 0; i < 100; ++i) {
    EXPECT_THAT(connection.ReadUntil(">"), EndsWith(absl::StrCat("</", i, "-", i, ">")));
  }
  EXPECT_EQ(server_->stats().connections_accepted, 1);
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Serve(Hello);
  RawConnection connection(address_);
  connection.Send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("\r\n\r\n"), HasSubstr("Content-Length: 5\r\n"));
  EXPECT_THAT(connection.ReadUntil("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, Http10ClosesUnlessAskedToKeep) {
  Serve(Hello);
  EXPECT_THAT(Ask("GET / HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("hello"), HasSubstr("Connection: keep-alive\r\n"));
  connection.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(connection.ReadToEnd(), EndsWith("hello"));
}

TEST_F(HttpServerTest, StreamsChunkedWithoutALength) {
  Serve([](Exchange exchange) {
    exchange->StartResponse(200, {}, absl::nullopt);
    exchange->Write("one");
    exchange->OnDrained([exchange] {
      exchange->Write("two");
      exchange->Finish();
    });
  });
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"),
              EndsWith("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"));
  const std::string old = Ask("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old, EndsWith("\r\n\r\nonetwo"));
  EXPECT_THAT(old, Not(HasSubstr("Transfer-Encoding")));
}

TEST_F(HttpServerTest, AnswersFromAnotherThread) {
  std::vector<std::thread> threads;
  Serve([&threads](Exchange exchange) {
    threads.emplace_back([exchange = std::move(exchange)]() mutable {
      HttpExchange* raw = exchange.get();
      raw->Post([](HttpExchange& e) { e.Respond(200, {}, "late"); });
    });
  });
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), EndsWith("late"));
  server_.reset();
  for (auto& thread : threads) thread.join();
}

TEST_F(HttpServerTest, AnExchangeMayOutliveClientAndServer) {
  Exchange kept;
  absl::Notification asked;
  absl::Notification cancelled;
  absl::Status why;
  Serve([&](Exchange exchange) {
    exchange->OnCancel([&](const absl::Status& status) {
      why = status;
      cancelled.Notify();
    });
    kept = std::move(exchange);
    asked.Notify();
  });
  {
    RawConnection connection(address_);
    connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    asked.WaitForNotification();
    connection.Reset();
  }
  cancelled.WaitForNotification();
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kCancelled));
  server_.reset();
  absl::Notification posted;
  ASSERT_TRUE(kept->Post([&posted](HttpExchange& e) {
    EXPECT_TRUE(e.over());
    EXPECT_FALSE(e.Write("x"));
    e.Respond(200, {}, "nobody hears this");
    posted.Notify();
  }));
  posted.WaitForNotification();
  pool_.Join();
  EXPECT_EQ(kept->path(), "/");
}

// The kernel reports data and reset in one edge, and gives the data first.
TEST_F(HttpServerTest, AResetThatComesWithDataIsNoticed) {
  HttpServerOptions options;
  options.body_progress_timeout = absl::InfiniteDuration();
  options.keep_alive_timeout = absl::InfiniteDuration();
  std::atomic<int> cancelled{0};
  absl::Mutex mutex;
  std::vector<Exchange> kept;
  Serve(
      [&](Exchange exchange) {
        exchange->OnCancel([&](const absl::Status&) { ++cancelled; });
        if (exchange->method() == "PUT") {
          HttpExchange* raw = exchange.get();
          return raw->ReadBody([exchange](std::string) {});
        }
        absl::MutexLock lock(&mutex);
        kept.push_back(std::move(exchange));
      },
      options);
  constexpr int kTimes = 200;
  for (int i = 0; i < kTimes; ++i) {
    RawConnection connection(address_);
    connection.Send(i % 2 == 0 ? "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"
                               : "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    connection.Reset();
  }
  // Some were reset before they were read at all, and some may still wait to be accepted.
  while (server_->stats().connections_accepted < kTimes) std::this_thread::yield();
  WaitForNoConnections();
  EXPECT_EQ(cancelled, server_->stats().requests);
  absl::MutexLock lock(&mutex);
  kept.clear();
}

TEST_F(HttpServerTest, ADroppedExchangeIsAnsweredWith500) {
  Serve([](Exchange) {});
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, AResponseDroppedInTheMiddleIsReset) {
  Serve([](Exchange exchange) {
    exchange->StartResponse(200, {}, 100);
    exchange->Write("half");
  });
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ReadToEnd();
  EXPECT_TRUE(connection.was_reset());
}

TEST_F(HttpServerTest, FinishingShortOfTheLengthIsReset) {
  Serve([](Exchange exchange) {
    exchange->StartResponse(200, {}, 100);
    exchange->Write("half");
    exchange->OnDrained([exchange] { exchange->Finish(); });
  });
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ReadToEnd();
  EXPECT_TRUE(connection.was_reset());
}

TEST_F(HttpServerTest, AHalfClosedClientGetsItsAnswer) {
  Exchange kept;
  absl::Notification asked;
  Serve([&](Exchange exchange) {
    kept = std::move(exchange);
    asked.Notify();
  });
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ShutdownWrite();
  asked.WaitForNotification();
  kept->Post([](HttpExchange& e) { e.Respond(200, {}, "still here"); });
  EXPECT_THAT(connection.ReadToEnd(), EndsWith("still here"));
  kept.reset();
  WaitForNoConnections();
}

TEST_F(HttpServerTest, HalfCloseCancelsIfConfigured) {
  absl::Notification cancelled;
  Exchange kept;
  HttpServerOptions options;
  options.half_close_cancels = true;
  Serve(
      [&](Exchange exchange) {
        exchange->OnCancel([&](const absl::Status&) { cancelled.Notify(); });
        kept = std::move(exchange);
      },
      options);
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ShutdownWrite();
  cancelled.WaitForNotification();
  EXPECT_EQ(connection.ReadToEnd(), "");
  server_.reset();
  kept.reset();
}

void Echo(Exchange exchange) {
  HttpExchange* raw = exchange.get();
  raw->ReadBody([exchange](std::string body) { exchange->Respond(200, {}, body); });
}

TEST_F(HttpServerTest, ReadsBodiesOfEachFraming) {
  Serve(Echo);
  EXPECT_THAT(
      Ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody"),
      EndsWith("\r\n\r\nbody"));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n2\r\nbo\r\n2;x=y\r\ndy\r\n0\r\nT: v\r\n\r\n"),
              EndsWith("\r\n\r\nbody"));
  EXPECT_THAT(Ask("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"), EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, RefusesALongBodyBeforeItsFirstByte) {
  HttpServerOptions options;
  options.max_body_bytes = 10;
  absl::Status why;
  Serve(
      [&why](Exchange exchange) {
        exchange->OnCancel([&why](const absl::Status& status) { why = status; });
        Echo(std::move(exchange));
      },
      options);
  EXPECT_THAT(
      Ask("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n"),
      StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(Ask("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "a\r\n0123456789\r\n1\r\nx\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(Ask("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 10\r\n\r\n"
                  "0123456789"),
              StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ContinuesWhenTheHandlerAsksForTheBody) {
  Serve(Echo);
  RawConnection connection(address_);
  connection.Send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_EQ(connection.ReadUntil("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  connection.Send("body");
  EXPECT_THAT(connection.ReadUntil("body"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, ARefusalNeedsNoBody) {
  Serve([](Exchange exchange) {
    exchange->RespondError(401, "who?", {{"WWW-Authenticate", "Basic"}});
  });
  const std::string answer =
      Ask("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("100 Continue")));
  EXPECT_THAT(answer, HasSubstr("WWW-Authenticate: Basic\r\n"));
}

TEST_F(HttpServerTest, SkipsAShortUnwantedBodyAndGoesOn) {
  Serve(Hello);
  RawConnection connection(address_);
  connection.Send(
      "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbodyGET / HTTP/1.1\r\nHost: "
      "a\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(connection.ReadUntil("hello"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(HttpServerTest, GarbageIsAnsweredWith400) {
  Serve(Hello);
  const std::string cases[] = {
      "\x16\x03\x01\x02",
      "GET / HTTP/1.1\nHost: a\n\n",
      "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
      "GET /\r\n\r\n",
      "GET / HTTP/1.1\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
      "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
  };
  for (const std::string& text : cases) {
    EXPECT_THAT(Ask(text), StartsWith("HTTP/1.1 400 ")) << text;
  }
  EXPECT_THAT(Ask("GET / HTTP/2.0\r\n\r\n"), StartsWith("HTTP/1.1 505 "));
  EXPECT_THAT(Ask(absl::StrCat("GET /", std::string(20000, 'a'))), StartsWith("HTTP/1.1 414 "));
  EXPECT_THAT(Ask(absl::StrCat("GET / HTTP/1.1\r\nA: ", std::string(20000, 'a'))),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(server_->stats().bad_requests, std::size(cases) + 3);
  WaitForNoConnections();
}

TEST_F(HttpServerTest, ABrokenChunkEndsTheExchange) {
  absl::Status why;
  absl::Notification cancelled;
  Serve([&](Exchange exchange) {
    exchange->OnCancel([&](const absl::Status& status) {
      why = status;
      cancelled.Notify();
    });
    Echo(std::move(exchange));
  });
  EXPECT_THAT(Ask("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              StartsWith("HTTP/1.1 400 "));
  cancelled.WaitForNotification();
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(HttpServerTest, TimesOutASlowHead) {
  HttpServerOptions options;
  options.head_timeout = absl::Milliseconds(50);
  Serve(Hello, options);
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHo"), StartsWith("HTTP/1.1 408 "));
  EXPECT_EQ(server_->stats().timeouts, 1);
}

TEST_F(HttpServerTest, ClosesAnIdleConnection) {
  HttpServerOptions options;
  options.keep_alive_timeout = absl::Milliseconds(50);
  Serve(Hello, options);
  EXPECT_THAT(Ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), EndsWith("hello"));
}

TEST_F(HttpServerTest, TimesOutABodyWithoutProgress) {
  HttpServerOptions options;
  options.body_progress_timeout = absl::Milliseconds(50);
  absl::Status why;
  Serve(
      [&](Exchange exchange) {
        exchange->OnCancel([&](const absl::Status& status) { why = status; });
        Echo(std::move(exchange));
      },
      options);
  EXPECT_THAT(Ask("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf"),
              StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HttpServerTest, ResetsAReaderWithoutProgress) {
  HttpServerOptions options;
  options.write_progress_timeout = absl::Milliseconds(100);
  absl::Status why;
  absl::Notification cancelled;
  Serve(
      [&](Exchange exchange) {
        exchange->OnCancel([&](const absl::Status& status) {
          why = status;
          cancelled.Notify();
        });
        exchange->Respond(200, {}, std::string(16 << 20, 'x'));
      },
      options);
  RawConnection connection(address_, 4096);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  cancelled.WaitForNotification();
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HttpServerTest, ASlowReaderHoldsBackTheWriter) {
  std::atomic<uint64_t> most{0};
  std::atomic<uint64_t> total{0};
  constexpr uint64_t kSize = 64 << 20;
  HttpServerOptions options;
  Serve(
      [&](Exchange exchange) {
        exchange->StartResponse(200, {}, kSize);
        auto fill = std::make_shared<std::function<void()>>();
        *fill = [&, exchange, fill] {
          const std::string block(64 * 1024, 'x');
          while (total < kSize) {
            total += block.size();
            const bool more = exchange->Write(block);
            most = std::max<uint64_t>(most, exchange->pending_bytes());
            if (!more) break;
          }
          if (total < kSize) return exchange->OnDrained([fill] { (*fill)(); });
          exchange->Finish();
          exchange->Post([fill](HttpExchange&) { *fill = nullptr; });
        };
        (*fill)();
      },
      options);
  RawConnection connection(address_, 4096);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  connection.ReadUntil("\r\n\r\n");
  EXPECT_EQ(connection.ReadToEnd().size(), kSize);
  EXPECT_LE(most, options.write_high_watermark_bytes + 64 * 1024);
}

TEST_F(HttpServerTest, APausedBodyHoldsBackTheClient) {
  Exchange kept;
  std::atomic<uint64_t> received{0};
  absl::Notification first;
  Serve([&](Exchange exchange) {
    exchange->set_max_body_bytes(1 << 30);
    kept = exchange;
    exchange->OnBody([&, raw = exchange.get()](absl::string_view data, bool end) {
      received += data.size();
      if (!first.HasBeenNotified()) {
        raw->PauseBody();
        first.Notify();
      }
      if (end) raw->Respond(200, {}, "thanks");
    });
  });
  RawConnection connection(address_);
  const std::string block(64 * 1024, 'x');
  constexpr int kBlocks = 512;
  std::thread sender([&] {
    connection.Send(
        absl::StrCat("PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ",
                     kBlocks * block.size(), "\r\n\r\n"));
    for (int i = 0; i < kBlocks; ++i) connection.Send(block);
  });
  first.WaitForNotification();
  const uint64_t at_pause = received;
  EXPECT_LE(at_pause, EventLoop::kScratchBytes);
  absl::Notification looked;
  kept->Post([&](HttpExchange& e) {
    EXPECT_EQ(received, at_pause);
    e.ResumeBody();
    EXPECT_EQ(received, at_pause);
    looked.Notify();
  });
  looked.WaitForNotification();
  sender.join();
  EXPECT_THAT(connection.ReadToEnd(), EndsWith("thanks"));
  EXPECT_EQ(received, kBlocks * block.size());
  server_.reset();
  kept.reset();
}

TEST_F(HttpServerTest, SendsRangesOfFiles) {
  const std::string path = MakeTestDir() + "/file";
  std::string content;
  for (int i = 0; i < 200000; ++i) absl::StrAppend(&content, i, ",");
  WriteTestFile(path, content);
  auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY));
  Serve([&](Exchange exchange) {
    exchange->StartResponse(200, {}, content.size());
    exchange->SendFile(fd->get(), 0, 1000, fd);
    exchange->Write(content.substr(1000, 50));
    exchange->SendFile(fd->get(), 1050, content.size() - 1050, fd);
    exchange->Finish();
  });
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  connection.ReadUntil("\r\n\r\n");
  EXPECT_EQ(connection.ReadToEnd(), content);
  server_.reset();
  EXPECT_EQ(fd.use_count(), 1);
}

TEST_F(HttpServerTest, AFileThatEndsEarlyIsReset) {
  const std::string path = MakeTestDir() + "/file";
  WriteTestFile(path, "short");
  auto fd = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDONLY));
  absl::Status why;
  absl::Notification cancelled;
  Serve([&](Exchange exchange) {
    exchange->OnCancel([&](const absl::Status& status) {
      why = status;
      cancelled.Notify();
    });
    exchange->StartResponse(200, {}, 100);
    exchange->SendFile(fd->get(), 0, 100, fd);
    exchange->Finish();
  });
  RawConnection connection(address_);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  connection.ReadToEnd();
  EXPECT_TRUE(connection.was_reset());
  cancelled.WaitForNotification();
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(HttpServerTest, ShutdownLetsExchangesEnd) {
  Exchange kept;
  absl::Notification asked;
  Serve([&](Exchange exchange) {
    kept = std::move(exchange);
    asked.Notify();
  });
  RawConnection idle(address_);
  RawConnection busy(address_);
  busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  asked.WaitForNotification();
  absl::Notification stopped;
  server_->Shutdown(absl::InfiniteDuration(), [&stopped] { stopped.Notify(); });
  EXPECT_EQ(idle.ReadToEnd(), "");
  EXPECT_FALSE(stopped.HasBeenNotified());
  kept->Post([](HttpExchange& e) { e.Respond(200, {}, "last"); });
  const std::string answer = busy.ReadToEnd();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("last"));
  stopped.WaitForNotification();
  EXPECT_EQ(server_->stats().connections_open, 0);
  kept.reset();
}

TEST_F(HttpServerTest, ShutdownCutsOffWhatOutstaysTheGrace) {
  Exchange kept;
  absl::Status why;
  absl::Notification asked;
  Serve([&](Exchange exchange) {
    exchange->OnCancel([&](const absl::Status& status) { why = status; });
    kept = std::move(exchange);
    asked.Notify();
  });
  RawConnection busy(address_);
  busy.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  asked.WaitForNotification();
  server_->ShutdownAndWait(absl::Milliseconds(20));
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(busy.ReadToEnd(), "");
  kept.reset();
}

TEST_F(HttpServerTest, BeyondTheLimitConnectionsWaitInTheBacklog) {
  HttpServerOptions options;
  options.max_connections = 2;
  Serve(Hello, options);
  RawConnection a(address_);
  RawConnection b(address_);
  a.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  b.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  a.ReadUntil("hello");
  b.ReadUntil("hello");
  RawConnection c(address_);
  c.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(server_->stats().connections_accepted, 2);
  a.Close();
  EXPECT_THAT(c.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, OutOfDescriptorsItRestsAndRecovers) {
  Serve(Hello);
  RawConnection before(address_);
  before.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  before.ReadUntil("hello");
  RawConnection waiting(address_);
  const int lowest_free = ::dup(0);
  ::close(lowest_free);
  rlimit old = {};
  ::getrlimit(RLIMIT_NOFILE, &old);
  rlimit tight = old;
  tight.rlim_cur = static_cast<rlim_t>(lowest_free);
  // Whether or not `waiting` has been accepted by now, the next one cannot be.
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  waiting.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  UniqueFd none(::dup(0));
  EXPECT_FALSE(none.valid());
  ::setrlimit(RLIMIT_NOFILE, &old);
  EXPECT_THAT(waiting.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ReportsEachExchangeAtItsEnd) {
  HttpServerOptions options;
  absl::Mutex mutex;
  std::vector<std::string> log;
  options.on_exchange_end = [&](const HttpExchangeSummary& summary) {
    absl::MutexLock lock(&mutex);
    log.push_back(absl::StrCat(summary.request == nullptr ? "" : summary.request->head.method, " ",
                               summary.path, " ", summary.status, " ", summary.request_body_bytes,
                               " ", summary.response_body_bytes, " ",
                               summary.end.ok() ? "whole" : summary.end.message()));
  };
  Serve(Echo, options);
  Ask("PUT /x?q HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
  server_.reset();
  EXPECT_THAT(log, ::testing::ElementsAre("PUT /x 200 4 4 whole"));
}

TEST_F(HttpServerTest, HeadersCannotSmuggleLines) {
  Serve([](Exchange exchange) {
    exchange->Respond(200, {{"A", "x\r\nEvil: 1"}, {"B c", "y"}, {"Content-Length", "99"}}, "ok");
  });
  const std::string answer = Ask("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, Not(HasSubstr("Evil")));
  EXPECT_THAT(answer, Not(HasSubstr("99")));
  EXPECT_THAT(answer, EndsWith("ok"));
}

TEST_F(HttpServerTest, ListensOnAUnixSocket) {
  Serve(Hello);
  const ShortTestDir dir;
  const std::string path = dir.path() + "/s";
  ASSERT_OK_AND_ASSIGN(const SocketAddress address, server_->Listen(absl::StrCat("unix:", path)));
  RawConnection connection(address);
  connection.Send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_THAT(connection.ReadUntil("hello"), StartsWith("HTTP/1.1 200 "));
  server_.reset();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(HttpServerTest, RoutesByMethodAndRawPath) {
  Router router;
  const auto show = [](absl::string_view tag) {
    return [tag = std::string(tag)](Exchange e) {
      e->Respond(200, {}, absl::StrCat(tag, "|", e->path_param("name"), "|", e->path_param("id")));
    };
  };
  router.Add("GET", "/v2/", show("base"));
  router.Add("GET", "/v2/{name...}/blobs/{id}", show("blob"));
  router.Add("PUT", "/v2/{name...}/blobs/{id}", show("put"));
  router.Add("GET", "/namespace/{name}/blobs/{id}", show("ns"));
  Serve(router.AsHandler());
  const auto get = [this](absl::string_view method, absl::string_view path) {
    const std::string answer =
        Ask(absl::StrCat(method, " ", path, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    return absl::StrCat(answer.substr(9, 3), " ", answer.substr(answer.find("\r\n\r\n") + 4));
  };
  EXPECT_EQ(get("GET", "/v2/"), "200 base||");
  EXPECT_EQ(get("GET", "/v2"), "404 not found\n");
  EXPECT_EQ(get("GET", "/v2/library/debian/blobs/sha256:ab?x=/blobs/y"),
            "200 blob|library/debian|sha256:ab");
  EXPECT_EQ(get("GET", "/v2/blobs/blobs/blobs"), "200 blob|blobs|blobs");
  EXPECT_EQ(get("GET", "/v2//blobs/x"), "404 not found\n");
  EXPECT_EQ(get("PUT", "/v2/a/blobs/b"), "200 put|a|b");
  EXPECT_EQ(get("DELETE", "/v2/a/blobs/b"), "405 method not allowed\n");
  EXPECT_EQ(get("HEAD", "/v2/a/blobs/b"), "200 ");
  EXPECT_EQ(get("GET", "/namespace/library%2Fdebian/blobs/%41%2541"), "200 ns|library/debian|A%41");
  EXPECT_EQ(get("GET", "/namespace/a%zz/blobs/x"), "400 broken % escape\n");
  EXPECT_EQ(get("GET", "/namespace/%2e%2E/blobs/x"), "400 dot segment in the path\n");
  EXPECT_EQ(get("GET", "http://h/namespace/a/blobs/x"), "200 ns|a|x");
}

}  // namespace
}  // namespace kraken::net
