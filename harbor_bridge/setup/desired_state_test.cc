#include "harbor_bridge/setup/desired_state.h"

#include <memory>

#include "kraken/base/test_util.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

using api::HarborVersion;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RegistrationOptions Options(const std::string& authorization = "") {
  return {.harbor = "eu", .bridge_url = "http://bridge:10050", .authorization = authorization};
}

TEST(DesiredStateTest, TheFormatFollowsTheVersion) {
  const auto now = DesiredWebhook(Options("Bearer t"), HarborVersion{2, 15});
  EXPECT_EQ(now.targets[0].address, "http://bridge:10050/eu/webhook");
  EXPECT_EQ(now.targets[0].auth_header, "Bearer t");
  EXPECT_EQ(now.targets[0].payload_format, "CloudEvents");
  EXPECT_EQ(DesiredWebhook(Options(), HarborVersion{2, 7}).targets[0].payload_format, "");
  EXPECT_EQ(DesiredWebhook(Options(), std::nullopt).targets[0].payload_format, "");
}

TEST(DesiredStateTest, TheVendorFollowsTheVersion) {
  EXPECT_EQ(DesiredInstance(Options(), HarborVersion{2, 12}).vendor, "dragonfly");
  EXPECT_EQ(DesiredInstance(Options(), HarborVersion{2, 11}).vendor, "kraken");
  EXPECT_EQ(DesiredInstance(Options(), std::nullopt).vendor, "kraken");
  EXPECT_EQ(DesiredInstance(Options(), std::nullopt).endpoint, "http://bridge:10050/eu");
}

TEST(DesiredStateTest, CredentialsGoTheWayThatHarborHas) {
  const HarborVersion now = {2, 15};
  const auto bearer = DesiredInstance(Options("Bearer t"), now);
  EXPECT_EQ(bearer.auth_mode, "OAUTH");
  EXPECT_EQ(bearer.auth_key, "token");
  EXPECT_EQ(bearer.auth_value, "t");
  const auto basic = DesiredInstance(Options("Basic dTpwOnE="), now);  // u:p:q
  EXPECT_EQ(basic.auth_mode, "BASIC");
  EXPECT_EQ(basic.auth_key, "u");
  EXPECT_EQ(basic.auth_value, "p:q");
  const auto custom = DesiredInstance(Options("Basic ?"), now);
  EXPECT_EQ(custom.auth_mode, "CUSTOM");
  EXPECT_EQ(custom.auth_key, "Authorization");
  EXPECT_EQ(custom.auth_value, "Basic ?");
  EXPECT_EQ(DesiredInstance(Options("Bearer t"), HarborVersion{2, 12}).auth_mode, "NONE");
}

TEST(DesiredStateTest, WhatIsThereIsComparedInWords) {
  const auto desired = DesiredWebhook(Options("Bearer t"), HarborVersion{2, 15});
  api::WebhookPolicy actual = desired;
  actual.id = 7;
  EXPECT_THAT(WhatIsWrong(actual, desired), IsEmpty());
  actual.enabled = false;
  actual.event_types = {"PUSH_ARTIFACT"};
  actual.targets[0].address = "http://elsewhere";
  actual.targets[0].auth_header = "Bearer other";
  const std::string wrong = WhatIsWrong(actual, desired);
  EXPECT_THAT(wrong, HasSubstr("disabled"));
  EXPECT_THAT(wrong, HasSubstr("DELETE_ARTIFACT is missing"));
  EXPECT_THAT(wrong, HasSubstr("http://elsewhere instead of http://bridge:10050/eu/webhook"));
  EXPECT_THAT(wrong, HasSubstr("auth header"));
  EXPECT_THAT(wrong, ::testing::Not(HasSubstr("Bearer")));
  actual.targets.clear();
  EXPECT_THAT(WhatIsWrong(actual, desired), HasSubstr("0 targets"));
}

TEST(DesiredStateTest, ProjectsAreChosenByName) {
  RegistrationOptions options = Options();
  EXPECT_TRUE(options.Wants("anything"));
  options.projects = std::make_shared<const re2::RE2>("^team-");
  EXPECT_TRUE(options.Wants("team-a"));
  EXPECT_FALSE(options.Wants("library"));
}

TEST(DesiredStateTest, TheRobotMayLookAndPullAndNothingElse) {
  const auto robot = LeastPrivilegedRobot("kraken", HarborVersion{2, 15});
  ASSERT_EQ(robot.scopes.size(), 2u);
  for (const api::RobotScope& scope : robot.scopes) {
    for (const api::RobotPermission& permission : scope.access) {
      const bool harmless = permission.action == "list" || permission.action == "read" ||
                            (permission.resource == "repository" && permission.action == "pull");
      EXPECT_TRUE(harmless) << permission.resource << ":" << permission.action;
    }
  }
  EXPECT_EQ(LeastPrivilegedRobot("kraken", HarborVersion{2, 9}).scopes.size(), 1u);
}

}  // namespace
}  // namespace harbor_bridge
