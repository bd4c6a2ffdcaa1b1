#include "kraken/access/access_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::access {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<AccessConfig> Read(absl::string_view text) {
  return config::ReadYaml<AccessConfig>(text);
}

TEST(AccessConfigTest, EverythingIsOpenByDefault) {
  ASSERT_OK_AND_ASSIGN(const AccessConfig config, Read("{}"));
  EXPECT_TRUE(config.rules.empty());
  EXPECT_EQ(config.when_harbor_is_down, WhenHarborIsDown::kCached);
}

TEST(AccessConfigTest, ReadsRules) {
  ASSERT_OK_AND_ASSIGN(const AccessConfig config, Read(R"(
rules:
  - {namespace: "^library/.*"}
  - namespace: .*
    mode: passthrough
    challenge: basic
    harbor: {address: "harbor.example.com"}
when_harbor_is_down: deny
decision_ttl: 30s
)"));
  ASSERT_EQ(config.rules.size(), 2u);
  EXPECT_EQ(config.rules[0].mode, AccessMode::kOpen);
  EXPECT_EQ(config.rules[1].mode, AccessMode::kPassthrough);
  EXPECT_EQ(config.rules[1].challenge, ChallengeKind::kBasic);
  EXPECT_EQ(config.rules[1].harbor->address, "harbor.example.com");
  EXPECT_EQ(config.when_harbor_is_down, WhenHarborIsDown::kDeny);
  EXPECT_EQ(config.decision_ttl, absl::Seconds(30));
}

TEST(AccessConfigTest, SaysWhatIsMissing) {
  EXPECT_THAT(Read("rules: [{namespace: .*, mode: passthrough}]").status().ToString(),
              HasSubstr("set `harbor`"));
  EXPECT_THAT(
      Read("rules: [{namespace: .*, mode: node, harbor: {address: h}}]").status().ToString(),
      HasSubstr("robot account"));
  EXPECT_THAT(Read("rules: [{namespace: .*, mode: closed}]").status().ToString(),
              HasSubstr("passthrough"));
}

}  // namespace
}  // namespace kraken::access
