#include "harbor_bridge/routing/agent_selector.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

TEST(AgentSelectorTest, ReadsEachTerm) {
  ASSERT_OK_AND_ASSIGN(const AgentSelector all, AgentSelector::Parse("all"));
  EXPECT_EQ(all, AgentSelector());
  ASSERT_OK_AND_ASSIGN(const AgentSelector some,
                       AgentSelector::Parse("zone=b, label.disk=ssd,share=10%,zone=a,zone=b,"
                                            "label.topology.kubernetes.io/region=eu"));
  EXPECT_THAT(some.zones, ElementsAre("a", "b"));
  EXPECT_THAT(some.labels,
              ElementsAre(Pair("disk", "ssd"), Pair("topology.kubernetes.io/region", "eu")));
  EXPECT_EQ(some.share_per_10000, 1'000u);
}

// Jobs that mean the same agents are the same job.
TEST(AgentSelectorTest, HasOneSpelling) {
  const struct {
    absl::string_view text;
    absl::string_view spelling;
  } rows[] = {
      {"all", "all"},
      {"share=100%", "all"},
      {"share=1%", "share=1%"},
      {"share=01.50%", "share=1.5%"},
      {"share=0.05%,zone=z", "zone=z,share=0.05%"},
      {"label.b=2,label.a=1,zone=q,zone=p", "zone=p,zone=q,label.a=1,label.b=2"},
  };
  for (const auto& row : rows) {
    ASSERT_OK_AND_ASSIGN(const AgentSelector selector, AgentSelector::Parse(row.text));
    EXPECT_EQ(selector.ToString(), row.spelling) << row.text;
    EXPECT_THAT(AgentSelector::Parse(row.spelling), kraken::IsOkAndHolds(selector));
  }
}

TEST(AgentSelectorTest, ErrorsNameTheTermAndTheCure) {
  const struct {
    absl::string_view text;
    absl::string_view says;
  } rows[] = {
      {"", "no \"=\""},
      {"zone", "no \"=\""},
      {"all,zone=a", "\"all\": no \"=\""},
      {"zone=", "zone's name"},
      {"zone=a b", "zone's name"},
      {"zone=a,", "no \"=\""},
      {"share=10", "share is more than"},
      {"share=0%", "share is more than"},
      {"share=100.01%", "share is more than"},
      {"share=0.001%", "share is more than"},
      {"share=-1%", "share is more than"},
      {"share=1.%", "share is more than"},
      {"share=1e1%", "share is more than"},
      {"share=99999999999%", "share is more than"},
      {"share=1%,share=2%", "already"},
      {"label.=a", "label's key"},
      {"label.a=", "label's key"},
      {"label.a=b,label.a=c", "twice"},
      {"labels.a=b", "nothing that agents are chosen by"},
      {"host=a", "nothing that agents are chosen by"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(AgentSelector::Parse(row.text),
                kraken::StatusIs(absl::StatusCode::kInvalidArgument,
                                 AllOf(HasSubstr(row.says), HasSubstr("zone=NAME"))))
        << row.text;
  }
  std::string many = "zone=z";
  for (size_t i = 0; i < AgentSelector::kMaxTerms; ++i) absl::StrAppend(&many, ",zone=z", i);
  EXPECT_THAT(AgentSelector::Parse(many),
              kraken::StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than 64")));
}

}  // namespace
}  // namespace harbor_bridge
