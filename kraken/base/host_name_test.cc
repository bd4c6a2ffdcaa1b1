#include "kraken/base/host_name.h"

#include <string>

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(HostNameTest, AcceptsNamesAndAddressesWithPorts) {
  for (const char* text :
       {"localhost", "localhost:5000", "harbor.example.com", "a-b.c", "a_b", "10.0.0.1:80", "[::1]",
        "[2001:db8::1]:443", "h:1", "h:65535", "Harbor.Example.COM"}) {
    EXPECT_TRUE(IsValidHost(text)) << text;
  }
}

TEST(HostNameTest, RefusesAllElse) {
  for (const char* text : {"",       ".",      "a.",      ".a",  "a..b",  "-a",  "a-",  "a b",
                           "a:",     "a:0",    "a:65536", "a:x", "a:1:2", "::1", "[]",  "[::1",
                           "[::1]x", "[::1]:", "[g::]",   "a/b", "a@b",   "a\n", "a:+1"}) {
    EXPECT_FALSE(IsValidHost(text)) << text;
  }
  EXPECT_FALSE(IsValidHost(std::string(64, 'a')));
  EXPECT_FALSE(IsValidHost(std::string("a\0b", 3)));
}

TEST(HostNameTest, FirstComponentIsAHostByDockersRule) {
  EXPECT_TRUE(LooksLikeHost("localhost"));
  EXPECT_TRUE(LooksLikeHost("a.b"));
  EXPECT_TRUE(LooksLikeHost("a:5000"));
  EXPECT_FALSE(LooksLikeHost("library"));
}

}  // namespace
}  // namespace kraken
