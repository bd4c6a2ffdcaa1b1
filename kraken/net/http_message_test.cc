#include "kraken/net/http_message.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::net {
namespace {

TEST(HeaderMap, ComparesNamesWithoutCase) {
  HeaderMap headers{{"Accept", "a"}, {"X", "1"}, {"ACCEPT", "b"}};
  EXPECT_EQ(headers.Get("accept"), "a");
  EXPECT_EQ(headers.Get("y"), absl::nullopt);
  EXPECT_EQ(headers.GetOr("y", "z"), "z");
  EXPECT_THAT(headers.GetAll("Accept"), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(headers.Count("accept"), 2);
  headers.Set("accept", *headers.Get("X"));
  EXPECT_EQ(headers, (HeaderMap{{"x", "1"}, {"Accept", "1"}}));
  EXPECT_EQ(headers.Remove("x"), 1);
  EXPECT_EQ(headers.size(), 1);
}

TEST(HeaderMap, FindsTokensInLists) {
  const HeaderMap headers{{"Connection", "a , Keep-Alive"}, {"connection", "close,"}};
  EXPECT_TRUE(headers.HasToken("Connection", "keep-alive"));
  EXPECT_TRUE(headers.HasToken("Connection", "CLOSE"));
  EXPECT_FALSE(headers.HasToken("Connection", "keep"));
}

TEST(IsHeaderName, ExhaustiveOverOneCharacter) {
  for (int c = 0; c < 256; ++c) {
    const std::string name(1, static_cast<char>(c));
    const bool token =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        (c != 0 && c < 128 && std::string("!#$%&'*+-.^_`|~").find(name) != std::string::npos);
    EXPECT_EQ(IsHeaderName(name), token) << c;
    const bool value = c > 0x20 && c != 0x7f;
    EXPECT_EQ(IsHeaderValue(name), value) << c;
  }
  EXPECT_FALSE(IsHeaderName(""));
  EXPECT_TRUE(IsHeaderValue(""));
  EXPECT_TRUE(IsHeaderValue("a\tb c"));
  EXPECT_FALSE(IsHeaderValue("a\r\nb"));
}

TEST(FormatHttpDate, AsTheRfcSays) {
  EXPECT_EQ(FormatHttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(FormatHttpDate(0), "Thu, 01 Jan 1970 00:00:00 GMT");
}

TEST(AppendHead, LeavesOutWhatMayNotBeSent) {
  HttpResponseHead head;
  head.status = 404;
  head.headers = {{"A", "b"}, {"C", "d\r\nE: f"}, {"G H", "i"}};
  std::string out;
  AppendResponseHead(head, &out);
  EXPECT_EQ(out, "HTTP/1.1 404 Not Found\r\nA: b\r\n\r\n");
  HttpRequestHead request;
  request.method = "GET";
  request.target = "/";
  request.headers = {{"Host", "a"}};
  out.clear();
  AppendRequestHead(request, &out);
  EXPECT_EQ(out, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

}  // namespace
}  // namespace kraken::net
