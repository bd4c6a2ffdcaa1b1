#include "kraken/krakenctl/registries_conf.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/optional.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::ElementsAre;
using ::testing::Eq;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const RegistriesConfOptions kHarbor = {.registry = "harbor.example.com",
                                       .location = "localhost:13000"};
const RegistriesConfOptions kEurope = {.registry = "harbor-eu.example.com",
                                       .location = "localhost:13000/harbor-eu.example.com"};

constexpr absl::string_view kHarborBlock =
    "# >>> krakenctl mirror\n"
    "[[registry]]\n"
    "prefix = \"harbor.example.com\"\n"
    "location = \"harbor.example.com\"\n"
    "[[registry.mirror]]\n"
    "location = \"localhost:13000\"\n"
    "insecure = true\n"
    "# <<< krakenctl mirror\n";

std::string Installed(const absl::optional<std::string>& before,
                      const RegistriesConfOptions& options) {
  const auto after = InstallInRegistriesConf(before, options);
  EXPECT_OK(after);
  return after.ok() ? *after : "";
}

TEST(RegistriesConfTest, EachRegistryHasItsBlockAndTheFileGoesWithTheLast) {
  const std::string one = Installed(absl::nullopt, kHarbor);
  EXPECT_EQ(one, kHarborBlock);
  EXPECT_EQ(Installed(one, kHarbor), one);
  const std::string two = Installed(one, kEurope);
  EXPECT_THAT(RegistriesWithBlock(two),
              IsOkAndHolds(ElementsAre("harbor.example.com", "harbor-eu.example.com")));
  EXPECT_THAT(RemoveFromRegistriesConf(two, "harbor-eu.example.com"), IsOkAndHolds(Eq(one)));
  EXPECT_THAT(RemoveFromRegistriesConf(two, "other.example.com"), IsOkAndHolds(Eq(two)));
  EXPECT_THAT(RemoveFromRegistriesConf(one, "harbor.example.com"), IsOkAndHolds(Eq(absl::nullopt)));
  EXPECT_THAT(RemoveFromRegistriesConf(two, ""), IsOkAndHolds(Eq(absl::nullopt)));
}

TEST(RegistriesConfTest, AnotherAddressOfTheAgentReplacesOurs) {
  RegistriesConfOptions moved = kHarbor;
  moved.location = "agent.example.com";
  moved.insecure = false;
  const std::string two = Installed(Installed(absl::nullopt, kHarbor), kEurope);
  EXPECT_EQ(Installed(two, moved), Installed(Installed(absl::nullopt, moved), kEurope));
}

TEST(RegistriesConfTest, WhatOthersAddedToOurFileStays) {
  const std::string theirs = "[[registry]]\nlocation = \"other.example.com\"\n";
  const std::string text = Installed(theirs, kHarbor);
  EXPECT_THAT(RemoveFromRegistriesConf(text, ""), IsOkAndHolds(Eq(theirs)));
}

TEST(RegistriesConfTest, AChangedBlockIsRefused) {
  for (const auto& [from, to] : {std::pair("insecure = true", "insecure = false # no"),
                                 std::pair("prefix = \"harbor", "prefix = \"other"),
                                 std::pair("[[registry.mirror]]", "[[registry.mirror]]\na = 1")}) {
    const std::string changed = absl::StrReplaceAll(kHarborBlock, {{from, to}});
    const auto refused = StatusIs(absl::StatusCode::kInvalidArgument,
                                  StartsWith("line 1: the lines between krakenctl's marks"));
    EXPECT_THAT(InstallInRegistriesConf(changed, kHarbor), refused);
    EXPECT_THAT(RemoveFromRegistriesConf(changed, ""), refused);
  }
}

TEST(RegistriesConfTest, AnEntryForTheSameRegistryIsRefused) {
  std::vector<std::string> narrower;
  for (const absl::string_view entry :
       {"location = \"harbor.example.com\"", "prefix = 'harbor.example.com'\nlocation = \"a\"",
        "location = \"a\"\nprefix = \"*.example.com\""}) {
    const std::string text = absl::StrCat("# mine\n\n[[registry]]\n", entry, "\n");
    EXPECT_THAT(CheckOtherRegistriesConf(text, "harbor.example.com", &narrower),
                StatusIs(absl::StatusCode::kFailedPrecondition, StartsWith("line 3: there is a")));
    EXPECT_THAT(InstallInRegistriesConf(text, kHarbor),
                StatusIs(absl::StatusCode::kFailedPrecondition));
  }
  EXPECT_THAT(CheckOtherRegistriesConf("registry = []", "harbor.example.com", &narrower),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 1: ")));
  EXPECT_THAT(narrower, ElementsAre());
}

TEST(RegistriesConfTest, OtherEntriesAreNoneOfOurBusiness) {
  std::vector<std::string> narrower;
  EXPECT_OK(CheckOtherRegistriesConf(
      "unqualified-search-registries = [\"harbor.example.com\"]\n"
      "[aliases]\n\"registry\" = \"harbor.example.com/registry\"\n"
      "[[registry]]\nprefix = \"harbor.example.com/team-b\"\nlocation = \"harbor.example.com\"\n"
      "[[registry.mirror]]\nlocation = \"harbor.example.com\"\n"
      "[[registry]]\nprefix = \"*.other.com\"\n"
      "[[registry]]\nlocation = \"harbor.example.com:8443\"\n",
      "harbor.example.com", &narrower));
  EXPECT_THAT(narrower, ElementsAre("harbor.example.com/team-b"));
}

}  // namespace
}  // namespace kraken::krakenctl
