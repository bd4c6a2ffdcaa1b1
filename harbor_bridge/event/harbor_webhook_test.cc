// What golden files (//harbor_bridge/work:golden_test) do not show: what is refused, and why.
#include "harbor_bridge/event/harbor_webhook.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using kraken::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kInvalidArgument;

TEST(HarborWebhookTest, RefusesWhatIsNoWebhookAndSaysWhy) {
  EXPECT_THAT(ParseHarborWebhook(""), StatusIs(kBad));
  EXPECT_THAT(ParseHarborWebhook("[]"), StatusIs(kBad, HasSubstr("without type")));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":7})"), StatusIs(kBad, HasSubstr("without type")));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":"PUSH_ARTIFACT"})"),
              StatusIs(kBad, HasSubstr("without data")));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":"PUSH_ARTIFACT","event_data":{"resources":[]}})"),
              StatusIs(kBad, HasSubstr("repository")));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":"DELETE_ARTIFACT","event_data":{
                  "repository":{"repo_full_name":"a/b"},"resources":[]}})"),
              StatusIs(kBad, HasSubstr("resources")));
  EXPECT_THAT(ParseHarborWebhook(R"({"specversion":"0.3","type":"harbor.artifact.pushed"})"),
              StatusIs(kBad, HasSubstr("0.3")));
  EXPECT_THAT(ParseHarborWebhook(R"({"specversion":"1.0"})"), StatusIs(kBad));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":"REPLICATION","event_data":{}})"), StatusIs(kBad));
  EXPECT_THAT(ParseHarborWebhook(R"({"type":"TAG_RETENTION","event_data":{}})"), StatusIs(kBad));
}

TEST(HarborWebhookTest, RefusesWhatNestsTooDeep) {
  EXPECT_THAT(ParseHarborWebhook(absl::StrCat(R"({"type":"PUSH_ARTIFACT","event_data":)",
                                              std::string(100'000, '['))),
              StatusIs(kBad));
}

TEST(HarborWebhookTest, NamesThatAreNoneAreRefused) {
  for (const char* name : {"../../etc", "a//b", "A/B", ""}) {
    EXPECT_THAT(ParseHarborWebhook(absl::StrCat(
                    R"({"type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"v1"}],
                        "repository":{"repo_full_name":")",
                    name, R"("}}})")),
                StatusIs(kBad))
        << name;
  }
}

TEST(HarborWebhookTest, TakesTheNameApartIfItIsNotGivenWhole) {
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseHarborWebhook(R"({
      "type":"PUSH_ARTIFACT","event_data":{"resources":[{"tag":"v1"}],
      "repository":{"namespace":"team","name":"app/web"}}})"));
  ASSERT_EQ(parsed.events.size(), 1u);
  EXPECT_EQ(parsed.events[0].repository->ToString(), "team/app/web");
}

}  // namespace
}  // namespace harbor_bridge
