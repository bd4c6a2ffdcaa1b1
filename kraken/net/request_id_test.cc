#include "kraken/net/request_id.h"

#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::net {
namespace {

using ::testing::MatchesRegex;

TEST(RequestId, TakesWhatIsWellFormed) {
  for (const std::string& id :
       {std::string("a"), std::string("7b0f7cb1-3ee8-4a22-b4c2-0123456789ab"),
        std::string("1-67891233-abcdef012345678912345678"), std::string("A:b/c+d=@_."),
        std::string(kMaxRequestIdBytes, 'x')}) {
    EXPECT_TRUE(IsRequestId(id)) << id;
    EXPECT_EQ(RequestIdFor({{"x-request-id", id}}), id);
  }
}

TEST(RequestId, MakesOneOtherwise) {
  std::vector<HeaderMap> others = {
      {},
      {{"X-Request-Id", ""}},
      {{"X-Request-Id", "a b"}},
      {{"X-Request-Id", "a\"b"}},
      {{"X-Request-Id", "a\\b"}},
      {{"X-Request-Id", "\xc3\xa4"}},
      {{"X-Request-Id", std::string(kMaxRequestIdBytes + 1, 'x')}},
      {{"X-Request-Id", "one"}, {"X-Request-Id", "two"}},
  };
  for (const HeaderMap& headers : others) {
    EXPECT_THAT(RequestIdFor(headers), MatchesRegex("[0-9a-f]+"));
    EXPECT_EQ(RequestIdFor(headers).size(), 32);
  }
}

TEST(RequestId, NoTwoAreTheSame) {
  absl::flat_hash_set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(seen.insert(NewRequestId()).second);
}

}  // namespace
}  // namespace kraken::net
