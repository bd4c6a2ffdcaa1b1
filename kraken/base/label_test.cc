#include "kraken/base/label.h"

#include <string>

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(LabelTest, Table) {
  for (const char* good :
       {"a", "0", "topology.kubernetes.io/zone", "rack-7", "A_b", "ssd:2", "-._/:"}) {
    EXPECT_TRUE(IsLabelText(good)) << good;
  }
  for (const char* bad : {"", " ", "a b", "a,b", "a=b", "a#b", "10%", "\xc3\xa4", "a\n"}) {
    EXPECT_FALSE(IsLabelText(bad)) << bad;
  }
  EXPECT_TRUE(IsLabelText(std::string(kMaxLabelLength, 'a')));
  EXPECT_FALSE(IsLabelText(std::string(kMaxLabelLength + 1, 'a')));
}

}  // namespace
}  // namespace kraken
