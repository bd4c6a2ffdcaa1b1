#include "kraken/config/nearest_name.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kraken::config {
namespace {

const std::vector<std::string>& Names() {
  static const auto* const names =
      new std::vector<std::string>{"address", "timeout", "security", "ttl", "tti", "TTL"};
  return *names;
}

TEST(NearestNameTest, FindsTypingErrors) {
  EXPECT_EQ(NearestName("adress", Names()), "address");
  EXPECT_EQ(NearestName("adderss", Names()), "address");
  EXPECT_EQ(NearestName("Address", Names()), "address");
  EXPECT_EQ(NearestName("time_out", Names()), "timeout");
  EXPECT_EQ(NearestName("tt1", Names()), "ttl");
  EXPECT_EQ(NearestName("TTI", Names()), "TTL");
}

TEST(NearestNameTest, FarNamesAreNoHint) {
  EXPECT_EQ(NearestName("replicas", Names()), "");
  EXPECT_EQ(NearestName("x", Names()), "");
  EXPECT_EQ(NearestName("", Names()), "");
  EXPECT_EQ(NearestName("address", {}), "");
  EXPECT_EQ(NearestName(std::string(100000, 'a'), Names()), "");
}

TEST(NearestNameTest, HintIsASentenceOrNothing) {
  EXPECT_EQ(DidYouMean("adress", Names()), "; did you mean \"address\"?");
  EXPECT_EQ(DidYouMean("replicas", Names()), "");
}

}  // namespace
}  // namespace kraken::config
