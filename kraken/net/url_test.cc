#include "kraken/net/url.h"

#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::net {
namespace {

std::string Reparse(absl::string_view text) {
  const absl::StatusOr<Url> url = Url::Parse(text);
  return url.ok() ? url->ToString() : "error";
}

TEST(Url, Parses) {
  EXPECT_EQ(Reparse("http://Host"), "http://host/");
  EXPECT_EQ(Reparse("HTTPS://host:443/a?b#c"), "https://host/a?b");
  EXPECT_EQ(Reparse("http://host:443?b"), "http://host:443/?b");
  EXPECT_EQ(Reparse("http://[::1]:80/x"), "http://[::1]/x");
  EXPECT_EQ(Reparse("http://[::1]:81/x"), "http://[::1]:81/x");
  for (const char* bad :
       {"", "host", "ftp://h/", "http://", "http:///x", "http://h:x/", "http://h:99999/",
        "http://u@h/", "http://h/ x", "http://h/\xc3\xa4", "http://h h/", "http://::1/"}) {
    EXPECT_EQ(Reparse(bad), "error") << bad;
  }
}

TEST(Url, LogsNoQuery) {
  EXPECT_EQ(Url::Parse("https://h:8443/a?sig=secret")->ToLogString(), "https://h:8443/a");
}

TEST(Url, SameOriginMeansSchemeHostAndPort) {
  const Url a = *Url::Parse("https://h/a");
  EXPECT_TRUE(a.SameOrigin(*Url::Parse("https://H:443/b")));
  EXPECT_FALSE(a.SameOrigin(*Url::Parse("http://h:443/a")));
  EXPECT_FALSE(a.SameOrigin(*Url::Parse("https://h:8443/a")));
  EXPECT_FALSE(a.SameOrigin(*Url::Parse("https://h.example/a")));
}

// RFC 3986 §5.4, with its base but for the parameters' semicolon.
TEST(Url, ResolvesAsTheRfcSays) {
  const Url base = *Url::Parse("http://a/b/c/d?q");
  const std::pair<const char*, const char*> cases[] = {
      {"g", "http://a/b/c/g"},      {"./g", "http://a/b/c/g"},
      {"g/", "http://a/b/c/g/"},    {"/g", "http://a/g"},
      {"//g", "http://g/"},         {"?y", "http://a/b/c/d?y"},
      {"g?y", "http://a/b/c/g?y"},  {"", "http://a/b/c/d?q"},
      {".", "http://a/b/c/"},       {"./", "http://a/b/c/"},
      {"..", "http://a/b/"},        {"../g", "http://a/b/g"},
      {"../..", "http://a/"},       {"../../../g", "http://a/g"},
      {"/./g", "http://a/g"},       {"/../g", "http://a/g"},
      {"g.", "http://a/b/c/g."},    {"..g", "http://a/b/c/..g"},
      {"./../g", "http://a/b/g"},   {"g/./h", "http://a/b/c/g/h"},
      {"g/../h", "http://a/b/c/h"}, {"g?y/../x", "http://a/b/c/g?y/../x"},
  };
  for (const auto& [reference, expected] : cases) {
    EXPECT_EQ(base.Resolve(reference)->ToString(), expected) << reference;
  }
}

TEST(SplitTarget, TakesEachForm) {
  EXPECT_EQ(SplitTarget("/a%2Fb?c?d")->path, "/a%2Fb");
  EXPECT_EQ(SplitTarget("/a%2Fb?c?d")->query, "c?d");
  EXPECT_EQ(SplitTarget("http://h:1/a?b")->path, "/a");
  EXPECT_EQ(SplitTarget("http://h:1/a?b")->authority, "h:1");
  EXPECT_EQ(SplitTarget("http://h")->path, "/");
  EXPECT_EQ(SplitTarget("*")->path, "*");
  EXPECT_FALSE(SplitTarget("a").ok());
  EXPECT_FALSE(SplitTarget("http:///a").ok());
  EXPECT_FALSE(SplitTarget("host:443").ok());
}

TEST(PercentDecode, DecodesOnce) {
  EXPECT_EQ(*PercentDecode("a%2Fb%252F+"), "a/b%2F+");
  for (const char* bad : {"%", "%1", "%zz", "a%00"}) EXPECT_FALSE(PercentDecode(bad).ok()) << bad;
}

TEST(PercentEncode, IsUndoneByDecoding) {
  std::string all;
  for (int c = 1; c < 256; ++c) all.push_back(static_cast<char>(c));
  EXPECT_EQ(*PercentDecode(PercentEncode(all)), all);
  EXPECT_EQ(PercentEncode("a/b:c~"), "a%2Fb%3Ac~");
  EXPECT_EQ(PercentEncodePath("a/b c"), "a/b%20c");
}

TEST(ParseQuery, SplitsBeforeItDecodes) {
  ASSERT_OK_AND_ASSIGN(const QueryParams params, ParseQuery("a=1&b=x%26y+z&c&&a=2"));
  EXPECT_EQ(params, (QueryParams{{"a", "1"}, {"b", "x&y z"}, {"c", ""}, {"a", "2"}}));
  EXPECT_EQ(FindQueryParam(params, "a"), "1");
  EXPECT_EQ(FindQueryParam(params, "d"), absl::nullopt);
  EXPECT_FALSE(ParseQuery("a=%").ok());
}

}  // namespace
}  // namespace kraken::net
