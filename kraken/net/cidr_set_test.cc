#include "kraken/net/cidr_set.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::net {
namespace {

bool Contains(const CidrSet& set, absl::string_view address) {
  return set.Contains(*SocketAddress::Parse(address));
}

TEST(CidrSet, ContainsItsRangesOnly) {
  ASSERT_OK_AND_ASSIGN(const CidrSet set,
                       CidrSet::Parse({"10.0.0.0/8", "192.168.1.128/25", "1.2.3.4", "fd00::/9"}));
  for (const char* yes : {"10.0.0.0:1", "10.255.255.255:1", "192.168.1.128:1", "192.168.1.255:1",
                          "1.2.3.4:1", "[::ffff:10.1.1.1]:1", "[fd00::1]:1", "[fd7f::1]:1"}) {
    EXPECT_TRUE(Contains(set, yes)) << yes;
  }
  for (const char* no :
       {"11.0.0.0:1", "192.168.1.127:1", "1.2.3.5:1", "[fd80::1]:1", "[::1]:1", "unix:/x"}) {
    EXPECT_FALSE(Contains(set, no)) << no;
  }
}

TEST(CidrSet, TheWholeWorldAndNothing) {
  EXPECT_TRUE(Contains(*CidrSet::Parse({"0.0.0.0/0"}), "1.2.3.4:5"));
  EXPECT_FALSE(Contains(*CidrSet::Parse({"0.0.0.0/0"}), "[::1]:5"));
  EXPECT_TRUE(Contains(*CidrSet::Parse({"::/0"}), "1.2.3.4:5"));
  EXPECT_TRUE(Contains(*CidrSet::Parse({"127.0.0.0/8"}), "unix:/x"));
  EXPECT_FALSE(Contains(CidrSet(), "1.2.3.4:5"));
}

TEST(CidrSet, RefusesSlips) {
  for (const char* bad : {"", "x", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0.1/8",
                          "::1/64", "::/129", "10.0.0.0/8/8"}) {
    EXPECT_THAT(CidrSet::Parse({bad}), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace kraken::net
