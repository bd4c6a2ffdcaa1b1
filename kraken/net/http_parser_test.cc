#include "kraken/net/http_parser.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/net/http_body_decoder.h"

namespace kraken::net {
namespace {

struct Outcome {
  HttpParseState state;
  int error_status = 0;
  size_t consumed = 0;
  HttpRequestHead head;
};

// Feeds `text` in portions of `step` bytes, as a connection would.
Outcome ParseRequest(absl::string_view text, size_t step, HttpLimits limits = {}) {
  HttpRequestParser parser(limits);
  Outcome outcome;
  size_t available = 0;
  size_t start = 0;
  do {
    available = std::min(text.size(), available + step);
    size_t consumed = 0;
    outcome.state = parser.Parse(text.substr(start, available - start), &consumed);
    start += consumed;
  } while (outcome.state == HttpParseState::kNeedMore && available < text.size());
  outcome.consumed = start;
  outcome.error_status = outcome.state == HttpParseState::kError ? parser.error().status : 0;
  outcome.head = parser.head();
  return outcome;
}

int RequestError(absl::string_view text, HttpLimits limits = {}) {
  const Outcome whole = ParseRequest(text, text.size(), limits);
  const Outcome bytewise = ParseRequest(text, 1, limits);
  EXPECT_EQ(whole.state, bytewise.state) << text;
  EXPECT_EQ(whole.error_status, bytewise.error_status) << text;
  return whole.state == HttpParseState::kError  ? whole.error_status
         : whole.state == HttpParseState::kDone ? 200
                                                : 0;
}

TEST(HttpRequestParser, TakesAHeadAndLeavesTheRest) {
  const std::string head = "GET /a?b HTTP/1.1\r\nHost: x\r\nEmpty:\r\nSpaces: \t v w \t\r\n\r\n";
  for (size_t step = 1; step < head.size() + 4; ++step) {
    const Outcome outcome = ParseRequest(head + "body", step);
    ASSERT_EQ(outcome.state, HttpParseState::kDone);
    EXPECT_EQ(outcome.consumed, head.size());
    EXPECT_EQ(outcome.head.method, "GET");
    EXPECT_EQ(outcome.head.target, "/a?b");
    EXPECT_EQ(outcome.head.minor_version, 1);
    EXPECT_EQ(outcome.head.headers, HeaderMap({{"host", "x"}, {"empty", ""}, {"spaces", "v w"}}));
  }
}

TEST(HttpRequestParser, SkipsAFewEmptyLinesBefore) {
  EXPECT_EQ(RequestError("\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 200);
  EXPECT_EQ(RequestError("\r\n\r\n\r\n\r\n\r\n"), 400);
}

TEST(HttpRequestParser, RefusesMalformedLines) {
  for (const char* line :
       {"GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / http/1.1",
        "GET /\tHTTP/1.1", "GET / HTTP/1.10", "GET / HTTP/11", "GET /", "GET", "G\"ET / HTTP/1.1",
        "GET /\x7f HTTP/1.1", "GET /\xc3\xa4 HTTP/1.1", "GET  HTTP/1.1", "GET / HTTP/1.1\r",
        "\x16\x03\x01"}) {
    EXPECT_EQ(RequestError(absl::StrCat(line, "\r\n\r\n")), 400) << line;
  }
  EXPECT_EQ(RequestError("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(RequestError("GET / HTTP/1.9\r\n\r\n"), 200);
}

TEST(HttpRequestParser, RefusesMalformedFields) {
  for (const char* line : {"A : b", ": b", "A", " A: b", "\tA: b", "A\x01: b", "A: b\x01",
                           "A: b\rc", "A: \x7f", "A(: b"}) {
    EXPECT_EQ(RequestError(absl::StrCat("GET / HTTP/1.1\r\nX: y\r\n", line, "\r\n\r\n")), 400)
        << line;
  }
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\nA: \xc3\xa4\r\n\r\n"), 200);
  EXPECT_EQ(RequestError(std::string("GET / HTTP/1.1\r\nA: \0\r\n\r\n", 24)), 400);
}

TEST(HttpRequestParser, RefusesBareLineFeeds) {
  EXPECT_EQ(RequestError("GET / HTTP/1.1\n\n"), 400);
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\nA: b\n\r\n"), 400);
  EXPECT_EQ(RequestError("\n"), 400);
}

TEST(HttpRequestParser, EndsAtOnceWhenItCannotBeARequest) {
  for (const char* start : {"\x16", "\xff", "(", " ", "\rG", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}) {
    EXPECT_EQ(RequestError(start), 400) << start;
  }
  EXPECT_EQ(RequestError("GE"), 0);
}

TEST(HttpRequestParser, HoldsItsLimitsExactly) {
  HttpLimits limits;
  limits.max_line_bytes = 40;
  limits.max_head_bytes = 100;
  limits.max_headers = 3;
  const auto line = [](size_t size) {
    return absl::StrCat("GET /", std::string(size - 14, 'a'), " HTTP/1.1\r\n");
  };
  EXPECT_EQ(RequestError(line(40) + "\r\n", limits), 200);
  EXPECT_EQ(RequestError(line(41) + "\r\n", limits), 414);
  const auto field = [](size_t size) {
    return absl::StrCat("A: ", std::string(size - 3, 'a'), "\r\n");
  };
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\n" + field(40) + "\r\n", limits), 200);
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\n" + field(41) + "\r\n", limits), 431);
  // 16 bytes of request line, 2 of the last line.
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\n" + field(39) + field(39) + "\r\n", limits), 200);
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\n" + field(39) + field(40) + "\r\n", limits), 431);
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\n\r\n", limits), 200);
  EXPECT_EQ(RequestError("GET / HTTP/1.1\r\na:\r\nb:\r\nc:\r\nd:\r\n\r\n", limits), 431);
}

TEST(HttpRequestParser, IsReusable) {
  HttpRequestParser parser{HttpLimits()};
  size_t consumed = 0;
  EXPECT_EQ(parser.Parse("GET /a HTTP/1.0\r\nA: b\r\n\r\n", &consumed), HttpParseState::kDone);
  parser.Reset();
  EXPECT_FALSE(parser.started());
  EXPECT_EQ(parser.Parse("PUT /c HTTP/1.1\r\n\r\n", &consumed), HttpParseState::kDone);
  EXPECT_EQ(parser.head().target, "/c");
  EXPECT_TRUE(parser.head().headers.empty());
}

int ResponseStatus(absl::string_view text) {
  HttpResponseParser parser{HttpLimits()};
  size_t consumed = 0;
  return parser.Parse(text, &consumed) == HttpParseState::kDone ? parser.head().status : 0;
}

TEST(HttpResponseParser, TakesStatusLines) {
  EXPECT_EQ(ResponseStatus("HTTP/1.1 200 OK\r\n\r\n"), 200);
  EXPECT_EQ(ResponseStatus("HTTP/1.0 404 Not Found\r\n\r\n"), 404);
  EXPECT_EQ(ResponseStatus("HTTP/1.1 599 \r\n\r\n"), 599);
  EXPECT_EQ(ResponseStatus("HTTP/1.1 204\r\n\r\n"), 204);
  for (const char* line :
       {"HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1  200 OK", "HTTP/1.1 099 x",
        "HTTP/2.0 200 OK", "ICY 200 OK", "HTTP/1.1 200OK", "HTTP/1.1 2x0 OK"}) {
    EXPECT_EQ(ResponseStatus(absl::StrCat(line, "\r\n\r\n")), 0) << line;
  }
}

std::string Framing(const HeaderMap& headers, int minor_version = 1) {
  HttpRequestHead head;
  head.headers = headers;
  head.minor_version = minor_version;
  BodyFraming framing;
  HttpParseError error;
  if (!RequestBodyFraming(head, &framing, &error)) return absl::StrCat(error.status);
  switch (framing.kind) {
    case BodyFraming::Kind::kNone:
      return "none";
    case BodyFraming::Kind::kLength:
      return absl::StrCat("length ", framing.length);
    case BodyFraming::Kind::kChunked:
      return "chunked";
    case BodyFraming::Kind::kUntilClose:
      return "close";
  }
  return "";
}

TEST(BodyFraming, OfRequestsIsNeverAmbiguous) {
  EXPECT_EQ(Framing({}), "none");
  EXPECT_EQ(Framing({{"Content-Length", "0"}}), "none");
  EXPECT_EQ(Framing({{"content-length", "12"}}), "length 12");
  EXPECT_EQ(Framing({{"Content-Length", "999999999999999999"}}), "length 999999999999999999");
  EXPECT_EQ(Framing({{"Content-Length", "12"}, {"Content-Length", "12"}}), "length 12");
  EXPECT_EQ(Framing({{"Transfer-Encoding", "Chunked"}}), "chunked");
  for (const char* bad :
       {"", "-1", "+1", "1x", "0x1", "1, 1", "1 1", "9999999999999999999", "1.0"}) {
    EXPECT_EQ(Framing({{"Content-Length", bad}}), "400") << bad;
  }
  EXPECT_EQ(Framing({{"Content-Length", "1"}, {"Content-Length", "2"}}), "400");
  EXPECT_EQ(Framing({{"Content-Length", "1"}, {"Transfer-Encoding", "chunked"}}), "400");
  EXPECT_EQ(Framing({{"Transfer-Encoding", "chunked"}}, 0), "400");
  EXPECT_EQ(Framing({{"Transfer-Encoding", "gzip, chunked"}}), "501");
  EXPECT_EQ(Framing({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}), "501");
  EXPECT_EQ(Framing({{"Transfer-Encoding", "xchunked"}}), "501");
}

// The body, then "|done", "|more" or "|error".
std::string Decode(absl::string_view text, size_t step, size_t* consumed_total = nullptr) {
  HttpBodyDecoder decoder({BodyFraming::Kind::kChunked, 0}, HttpLimits());
  std::string body;
  size_t available = 0;
  size_t start = 0;
  for (;;) {
    const HttpBodyDecoder::Step s = decoder.Next(text.substr(start, available - start));
    start += s.consumed;
    if (consumed_total != nullptr) *consumed_total = start;
    body.append(s.data.data(), s.data.size());
    if (s.kind == HttpBodyDecoder::Kind::kDone) return body + "|done";
    if (s.kind == HttpBodyDecoder::Kind::kError) return body + "|error";
    if (s.kind == HttpBodyDecoder::Kind::kData) continue;
    if (available == text.size()) return body + "|more";
    available = std::min(text.size(), available + step);
  }
}

TEST(HttpBodyDecoder, DecodesChunksInAnyPortions) {
  const std::string text = "3\r\nabc\r\n00A;x=\"y\"\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t step = 1; step <= text.size() + 4; ++step) {
    size_t consumed = 0;
    EXPECT_EQ(Decode(text + "next", step, &consumed), "abc0123456789|done");
    EXPECT_EQ(consumed, text.size());
  }
  for (size_t size = 0; size < text.size(); ++size) {
    EXPECT_THAT(Decode(text.substr(0, size), 7), ::testing::EndsWith("|more"));
  }
}

TEST(HttpBodyDecoder, RefusesMalformedChunks) {
  for (const char* text :
       {"x\r\n", "\r\n", " 1\r\n", "-1\r\n", "0x1\r\n", "1\n", "1 x\r\n", "1000000000000000\r\n",
        "g\r\n", "1;\x01\r\n", "3\r\nabcd\r\n", "3\r\nabc\n", "3\r\nabc\r3", "0\r\nbad trailer\r\n",
        "0\r\n folded: x\r\n", "+1\r\n"}) {
    EXPECT_THAT(Decode(text, 1), ::testing::EndsWith("|error")) << text;
    EXPECT_THAT(Decode(text, 100), ::testing::EndsWith("|error")) << text;
  }
  EXPECT_THAT(Decode(absl::StrCat("1;", std::string(300, 'x')), 50), "|error");
}

TEST(HttpBodyDecoder, LimitsTheTrailer) {
  std::string text = "0\r\n";
  for (int i = 0; i < 200; ++i) absl::StrAppend(&text, "A: b\r\n");
  EXPECT_EQ(Decode(text + "\r\n", 1000), "|error");
}

TEST(HttpBodyDecoder, LengthBodiesEndExactly) {
  HttpBodyDecoder decoder({BodyFraming::Kind::kLength, 5}, HttpLimits());
  HttpBodyDecoder::Step step = decoder.Next("abc");
  EXPECT_EQ(step.data, "abc");
  EXPECT_FALSE(decoder.done());
  EXPECT_FALSE(decoder.EndsWithStream());
  step = decoder.Next("defg");
  EXPECT_EQ(step.data, "de");
  EXPECT_TRUE(decoder.done());
  EXPECT_EQ(decoder.Next("fg").kind, HttpBodyDecoder::Kind::kDone);
}

TEST(FormatChunkLine, WritesHex) {
  char line[kMaxChunkLine];
  for (const auto& [size, text] :
       std::vector<std::pair<uint64_t, std::string>>{{1, "1\r\n"},
                                                     {26, "1a\r\n"},
                                                     {65536, "10000\r\n"},
                                                     {~uint64_t{0}, "ffffffffffffffff\r\n"}}) {
    EXPECT_EQ(std::string(line, FormatChunkLine(size, line)), text);
  }
}

TEST(KeepsAlive, FollowsVersionAndConnection) {
  EXPECT_TRUE(KeepsAlive(1, {}));
  EXPECT_FALSE(KeepsAlive(1, {{"Connection", "foo, Close"}}));
  EXPECT_FALSE(KeepsAlive(0, {}));
  EXPECT_TRUE(KeepsAlive(0, {{"Connection", "Keep-Alive"}}));
}

}  // namespace
}  // namespace kraken::net
