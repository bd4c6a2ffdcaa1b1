#include "kraken/agent/mirror_rules.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"
#include "kraken/config/reader.h"

namespace kraken::agent {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Document {
  std::vector<MirrorRule> mirrors;
};
void ReadConfig(config::ObjectReader& r, Document* c) { r.Optional("mirrors", &c->mirrors); }

absl::StatusOr<MirrorRules> Read(absl::string_view text) {
  absl::StatusOr<Document> document = config::ReadYaml<Document>(text);
  if (!document.ok()) return document.status();
  return MirrorRules(std::move(document->mirrors));
}

constexpr char kTwoHarbors[] = R"(
mirrors:
  - ns: harbor\.example\.com(:443)?
  - ns: harbor-eu\.example\.com
    host: harbor-eu.example.com
)";

TEST(MirrorRulesTest, ARequestThatMeansNobodyElseIsOurs) {
  ASSERT_OK_AND_ASSIGN(const MirrorRules rules, Read("mirrors: []"));
  for (const absl::string_view query : {"", "n=5", "last=ns", "xns=harbor.example.com"}) {
    EXPECT_THAT(rules.HostFor(query), IsOkAndHolds(IsEmpty())) << query;
  }
}

TEST(MirrorRulesTest, TheFirstRuleThatMatchesSaysUnderWhichHost) {
  ASSERT_OK_AND_ASSIGN(const MirrorRules rules, Read(kTwoHarbors));
  EXPECT_THAT(rules.HostFor("ns=harbor.example.com"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(rules.HostFor("ns=harbor.example.com%3A443"), IsOkAndHolds(IsEmpty()));
  EXPECT_THAT(rules.HostFor("n=5&ns=harbor-eu.example.com"),
              IsOkAndHolds(std::string("harbor-eu.example.com")));
}

TEST(MirrorRulesTest, NothingElseIsMirrored) {
  ASSERT_OK_AND_ASSIGN(const MirrorRules rules, Read(kTwoHarbors));
  for (const absl::string_view ns : {"docker.io", "", "evil-harbor.example.com",
                                     "harbor.example.com.evil.org", "harborxexample.com"}) {
    EXPECT_THAT(rules.HostFor(absl::StrCat("ns=", ns)),
                StatusIs(absl::StatusCode::kNotFound, HasSubstr("mirrors")))
        << ns;
  }
  EXPECT_THAT(rules.HostFor("ns=%zz"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(MirrorRulesTest, ABadRuleIsAnErrorOfTheConfiguration) {
  for (const absl::string_view text :
       {"mirrors: [{host: harbor.example.com}]", "mirrors: [{ns: '('}]",
        "mirrors: [{ns: a, host: 'bad host'}]", "mirrors: [{ns: a, hots: b}]"}) {
    EXPECT_THAT(Read(text), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("f.yaml:1")))
        << text;
  }
}

}  // namespace
}  // namespace kraken::agent
