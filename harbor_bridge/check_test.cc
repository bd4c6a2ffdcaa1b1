#include "harbor_bridge/check.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kConfig[] = R"(
harbors:
  - {name: eu, namespace: .*, host: eu.example, registry: {address: "eu.example:443"}}
  - {name: us, namespace: "^$", host: us.example, registry: {address: "us.example:443"}}
origin: {hosts: {static: ["o:15002"]}}
build_index: {hosts: {static: ["b:15004"]}}
clusters:
  - name: asia
    origin: {hosts: {static: ["ao:15002"]}}
    build_index: {hosts: {static: ["ab:15004"]}}
)";

absl::StatusOr<BridgeConfig> Read(const std::string& more) {
  return kraken::config::ReadYaml<BridgeConfig>(absl::StrCat(kConfig, more));
}

TEST(CheckTest, ShowsHarborsAndRules) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("routes: [{name: all, image: ., prefetch: {}, replicate: [asia]}]"));
  EXPECT_THAT(CheckConfig(config, ""),
              kraken::IsOkAndHolds(
                  AllOf(HasSubstr("Harbor eu at eu.example:443: .* by plain names, all as eu."),
                        HasSubstr("all: .: prefetch (all platforms), replicate to asia\n"))));
}

TEST(CheckTest, SaysThatTheBridgeIsOneOfSeveral) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("lease: {name: eu, redis: {addr: \"redis:6379\"}}"));
  EXPECT_THAT(CheckConfig(config, ""),
              kraken::IsOkAndHolds(HasSubstr("holds the lease \"eu\" in Redis at redis:6379")));
}

TEST(CheckTest, ExplainsAnImage) {
  ASSERT_OK_AND_ASSIGN(const BridgeConfig config,
                       Read("routes: [{name: us, image: ^us, harbors: [us], tag: set}]"));
  EXPECT_THAT(CheckConfig(config, "us.example/a/b:1"),
              kraken::IsOkAndHolds(AllOf(HasSubstr("us.example/a/b:1 of Harbor us:\nyes  us: "),
                                         HasSubstr("so: tag set\n"))));
  EXPECT_THAT(CheckConfig(config, "a/b:1"), kraken::IsOkAndHolds(HasSubstr("so: ignored\n")));
  EXPECT_THAT(CheckConfig(config, "asia.example/a/b:1"),
              kraken::StatusIs(absl::StatusCode::kNotFound, HasSubstr("eu.example, us.example")));
}

TEST(CheckTest, RulesNameWhatIsConfigured) {
  EXPECT_THAT(Read("routes: [{name: r, image: ., harbors: [moon], tag: set}]").status().ToString(),
              HasSubstr("rule \"r\": no Harbor is called \"moon\""));
  EXPECT_THAT(Read("routes: [{name: r, image: ., replicate: [moon]}]").status().ToString(),
              HasSubstr("rule \"r\": no cluster is called \"moon\""));
  EXPECT_THAT(Read("routes: [{name: r, image: ., tag: set}, {name: r, image: ., tag: set}]")
                  .status()
                  .ToString(),
              HasSubstr("two rules are called \"r\""));
}

}  // namespace
}  // namespace harbor_bridge
