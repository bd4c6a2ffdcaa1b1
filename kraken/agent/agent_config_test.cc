#include "kraken/agent/agent_config.h"

#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/label.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"

namespace kraken::agent {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<AgentConfig> Read(const std::string& labels) {
  return config::ReadYaml<AgentConfig>(
      absl::StrCat("tls: {server: {disabled: true}, client: {disabled: true}}\n"
                   "tracker: {hosts: {static: [t:1]}}\nbuild_index: {hosts: {static: [b:1]}}\n",
                   labels));
}

TEST(AgentConfigTest, Labels) {
  ASSERT_OK_AND_ASSIGN(const AgentConfig none, Read(""));
  EXPECT_TRUE(none.labels.empty());
  ASSERT_OK_AND_ASSIGN(const AgentConfig some,
                       Read("labels: {disk: ssd, topology.kubernetes.io/zone: eu-1}"));
  EXPECT_EQ(some.labels, (std::map<std::string, std::string>{
                             {"disk", "ssd"}, {"topology.kubernetes.io/zone", "eu-1"}}));
  EXPECT_THAT(Read("labels: {disk: 'two words'}"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("disk: a label's key")));
  EXPECT_THAT(Read("labels: {'': a}"), StatusIs(absl::StatusCode::kFailedPrecondition));
  std::string many = "labels:\n";
  for (size_t i = 0; i <= kMaxLabels; ++i) absl::StrAppend(&many, "  k", i, ": v\n");
  EXPECT_THAT(Read(many), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("at most 64")));
}

}  // namespace
}  // namespace kraken::agent
