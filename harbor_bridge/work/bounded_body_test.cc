#include "harbor_bridge/work/bounded_body.h"

#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "harbor_bridge/work/body_budget.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"

namespace harbor_bridge {
namespace {

using kraken::net::RawConnection;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr size_t kMaxBytes = 1000;

// Answers with what it has kept of a body.
class BoundedBodyTest : public ::testing::Test {
 protected:
  BoundedBodyTest() {
    const auto address = server_.Listen("127.0.0.1:0");
    EXPECT_OK(address);
    address_ = *address;
  }

  void Take(const std::shared_ptr<kraken::net::HttpExchange>& exchange) {
    ReadBoundedBody(exchange, {.max_bytes = kMaxBytes, .copies = 2, .budget = &budget_},
                    [exchange](const BoundedBody& body) {
                      exchange->Respond(200, {},
                                        absl::StrCat(body.bytes.size(), " of ", body.total_bytes,
                                                     " in ", body.room.bytes()));
                    });
  }
  static std::string HeadOf(size_t bytes) {
    return absl::StrCat(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ", bytes, "\r\n\r\n");
  }
  std::string Post(const std::string& request) {
    RawConnection connection(address_);
    connection.Send(request);
    return connection.ReadToEnd();
  }

  // One body, twice. Who is not done at once is slow.
  BodyBudget budget_{2 * kMaxBytes, absl::ZeroDuration()};
  kraken::net::LoopThread loop_{"http"};
  kraken::net::HttpServer server_{
      {&loop_.loop()},
      kraken::net::HttpServerOptions(),
      [this](const std::shared_ptr<kraken::net::HttpExchange>& exchange) { Take(exchange); }};
  kraken::net::SocketAddress address_;
};

TEST_F(BoundedBodyTest, KeepsWhatItMayAndReadsTheRest) {
  EXPECT_THAT(Post(HeadOf(0)), HasSubstr("0 of 0 in 0"));
  EXPECT_THAT(Post(absl::StrCat(HeadOf(10), std::string(10, 'x'))), HasSubstr("10 of 10 in 20"));
  EXPECT_THAT(Post(absl::StrCat(HeadOf(5000), std::string(5000, 'x'))),
              HasSubstr("1000 of 5000 in 2000"));
  EXPECT_THAT(Post("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: "
                   "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
              HasSubstr("3 of 3 in 6"));
  while (budget_.used_bytes() > 0) std::this_thread::yield();
}

TEST_F(BoundedBodyTest, WhoIsSlowMakesRoomForOthers) {
  RawConnection slow(address_);
  slow.Send(HeadOf(kMaxBytes));
  while (budget_.used_bytes() < 2 * kMaxBytes) std::this_thread::yield();
  EXPECT_THAT(Post(absl::StrCat(HeadOf(10), std::string(10, 'x'))),
              AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("10 of 10")));
  EXPECT_EQ(slow.ReadToEnd(), "");
  EXPECT_TRUE(slow.was_reset());
}

}  // namespace
}  // namespace harbor_bridge
