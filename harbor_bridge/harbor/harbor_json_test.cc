#include "harbor_bridge/harbor/harbor_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Golden(absl::string_view name) {
  return kraken::ReadTestFile(
      absl::StrCat("harbor_bridge/harbor/testdata/harbor_json_corpus/", name, ".json"));
}

TEST(HarborJsonTest, ReadsWhatHarborSaysOfItself) {
  ASSERT_OK_AND_ASSIGN(const SystemInfo info, ParseSystemInfo(Golden("systeminfo")));
  EXPECT_EQ(info.version, "v2.15.2-6e1d6a35");
  EXPECT_TRUE(info.authenticated());
  EXPECT_EQ(info.notification_enabled, true);
  ASSERT_OK_AND_ASSIGN(const SystemInfo stranger, ParseSystemInfo(R"({"auth_mode":"db_auth"})"));
  EXPECT_FALSE(stranger.authenticated());
  EXPECT_EQ(stranger.notification_enabled, std::nullopt);
  ASSERT_OK_AND_ASSIGN(const auto health, ParseHealth(Golden("health")));
  ASSERT_THAT(health, SizeIs(2));
  EXPECT_EQ(health[1].error, "dial tcp: connection refused");
}

TEST(HarborJsonTest, ReadsProjectsAndRepositories) {
  ASSERT_OK_AND_ASSIGN(const auto projects, ParseProjects(Golden("projects")));
  ASSERT_THAT(projects.items, SizeIs(2));
  EXPECT_TRUE(projects.items[0].is_public);
  EXPECT_FALSE(projects.items[0].is_proxy_cache);
  EXPECT_TRUE(projects.items[1].is_proxy_cache);
  ASSERT_OK_AND_ASSIGN(const auto repositories, ParseRepositories(Golden("repositories")));
  ASSERT_THAT(repositories.items, SizeIs(2));
  EXPECT_EQ(repositories.items[1].name.ToString(), "team/a/b");
}

TEST(HarborJsonTest, AStrangeArtifactHidesNoOther) {
  ASSERT_OK_AND_ASSIGN(const auto artifacts, ParseArtifacts(Golden("artifacts"), nullptr));
  ASSERT_THAT(artifacts.items, SizeIs(1));
  EXPECT_EQ(artifacts.skipped, 1u);
  const Artifact& artifact = artifacts.items[0];
  EXPECT_EQ(artifact.repository.ToString(), "team/app");
  EXPECT_THAT(artifact.digest.hex(), HasSubstr("3899a8014fe9"));
  ASSERT_THAT(artifact.tags, SizeIs(1));
  EXPECT_EQ(artifact.tags[0].name.ToString(), "v1");
  EXPECT_GT(artifact.tags[0].push_time, artifact.push_time);
  EXPECT_THAT(artifact.children, SizeIs(1));
}

TEST(HarborJsonTest, BeforeHarbor212TheCallerKnowsTheRepository) {
  const auto repository = kraken::RepositoryName::Parse("team/old");
  ASSERT_OK_AND_ASSIGN(const auto artifacts, ParseArtifacts(Golden("artifacts"), &*repository));
  ASSERT_THAT(artifacts.items, SizeIs(1));
  EXPECT_EQ(artifacts.items[0].repository.ToString(), "team/old");
}

TEST(HarborJsonTest, AnEmptyPageMayBeNull) {
  ASSERT_OK_AND_ASSIGN(const auto artifacts, ParseArtifacts("null", nullptr));
  EXPECT_TRUE(artifacts.items.empty());
  EXPECT_THAT(ParseArtifacts("{}", nullptr),
              kraken::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no list")));
}

TEST(HarborJsonTest, WebhooksGoBothWays) {
  ASSERT_OK_AND_ASSIGN(const auto policies, ParseWebhookPolicies(Golden("webhook_policies")));
  ASSERT_THAT(policies.items, SizeIs(1));
  EXPECT_EQ(policies.items[0].targets[0].auth_header, "Bearer TOKEN");
  ASSERT_OK_AND_ASSIGN(const auto again,
                       ParseWebhookPolicies(absl::StrCat("[", ToJson(policies.items[0]), "]")));
  EXPECT_EQ(again.items[0].targets, policies.items[0].targets);
  ASSERT_OK_AND_ASSIGN(const auto abilities, ParseWebhookAbilities(Golden("webhook_events")));
  EXPECT_THAT(abilities.payload_formats, ElementsAre("CloudEvents", "Default"));
}

TEST(HarborJsonTest, AFormatThatHarborDoesNotKnowIsNotNamed) {
  WebhookPolicy policy;
  policy.name = "p";
  policy.targets = {{.address = "http://b"}};
  EXPECT_THAT(ToJson(policy), ::testing::Not(HasSubstr("payload_format")));
}

TEST(HarborJsonTest, PreheatPoliciesCarryJsonInJson) {
  ASSERT_OK_AND_ASSIGN(const auto policies, ParsePreheatPolicies(Golden("preheat_policies")));
  ASSERT_THAT(policies.items, SizeIs(1));
  EXPECT_EQ(policies.items[0].tags, "v*");
  EXPECT_EQ(policies.items[0].trigger, "event_based");
  EXPECT_THAT(ToJson(policies.items[0]), HasSubstr(R"(\"type\":\"tag\",\"value\":\"v*\")"));
}

TEST(HarborJsonTest, PreheatCredentialsAreOneEntry) {
  PreheatInstance instance = {.name = "p", .vendor = "dragonfly", .endpoint = "http://b"};
  EXPECT_THAT(ToJson(instance), ::testing::Not(HasSubstr("auth_info")));
  instance.auth_mode = "OAUTH";
  instance.auth_key = "token";
  instance.auth_value = "t";
  EXPECT_THAT(ToJson(instance), HasSubstr(R"("auth_info":{"token":"t"})"));
}

TEST(HarborJsonTest, RobotsAreMadeForAllProjects) {
  const NewRobot robot = {.name = "kraken",
                          .scopes = {{.access = {{"repository", "pull"}, {"artifact", "list"}}}}};
  ASSERT_OK_AND_ASSIGN(const auto again, ParseRobots(absl::StrCat("[", ToJson(robot), "]")));
  ASSERT_THAT(again.items, SizeIs(1));
  EXPECT_EQ(again.items[0].scopes[0].access, robot.scopes[0].access);
  ASSERT_OK_AND_ASSIGN(const CreatedRobot created, ParseCreatedRobot(Golden("created_robot")));
  EXPECT_EQ(created.name, "robot$kraken");
}

TEST(HarborVersionTest, ReadsStamps) {
  EXPECT_EQ(HarborVersion::Parse("v2.15.2-6e1d6a35"), (HarborVersion{2, 15}));
  EXPECT_EQ(HarborVersion::Parse("1.10.3"), (HarborVersion{1, 10}));
  EXPECT_EQ(HarborVersion::Parse("2.8"), (HarborVersion{2, 8}));
  EXPECT_EQ(HarborVersion::Parse("-"), std::nullopt);
  EXPECT_EQ(HarborVersion::Parse(""), std::nullopt);
  EXPECT_EQ(HarborVersion::Parse("v2.x"), std::nullopt);
}

TEST(HarborVersionTest, KnowsWhatChanged) {
  EXPECT_FALSE((HarborVersion{2, 7}.has_cloud_events()));
  EXPECT_TRUE((HarborVersion{2, 10}.has_cloud_events()));
  EXPECT_FALSE((HarborVersion{2, 11}.has_project_artifacts()));
  EXPECT_TRUE((HarborVersion{2, 12}.has_preheat_jobs()));
  EXPECT_FALSE((HarborVersion{2, 12}.keeps_preheat_credentials()));
  EXPECT_TRUE((HarborVersion{3, 0}.hides_tags_from_registry()));
}

}  // namespace
}  // namespace harbor_bridge::api
