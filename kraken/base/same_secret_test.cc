#include "kraken/base/same_secret.h"

#include <string>

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(SameSecretTest, OnlyTheSameSecretIsTheSame) {
  const std::string secret = "Bearer right";
  EXPECT_TRUE(IsSameSecret(secret, secret));
  EXPECT_TRUE(IsSameSecret("", ""));
  for (const std::string& other :
       {std::string(), std::string("Bearer righ"), std::string("Bearer right "),
        std::string("bearer right"), std::string("Bearer right\0", 13)}) {
    EXPECT_FALSE(IsSameSecret(other, secret)) << other;
    EXPECT_FALSE(IsSameSecret(secret, other)) << other;
  }
}

}  // namespace
}  // namespace kraken
