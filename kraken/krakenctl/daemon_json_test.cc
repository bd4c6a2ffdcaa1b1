#include "kraken/krakenctl/daemon_json.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using ::testing::AllOf;
using ::testing::Eq;
using ::testing::HasSubstr;

constexpr absl::string_view kMirror = "http://localhost:13000";

std::string Added(const absl::optional<std::string>& before) {
  const absl::StatusOr<std::string> after = AddRegistryMirror(before, kMirror);
  EXPECT_OK(after);
  return after.ok() ? *after : "";
}

absl::optional<std::string> Removed(const std::string& before) {
  const auto after = RemoveRegistryMirror(before, kMirror);
  EXPECT_OK(after);
  return after.ok() ? *after : absl::nullopt;
}

TEST(DaemonJsonTest, AFileOfOurOwnComesAndGoes) {
  const std::string file = Added(absl::nullopt);
  EXPECT_EQ(file, "{\"registry-mirrors\": [ \"http://localhost:13000\" ]}\n");
  EXPECT_EQ(Added(file), file);
  EXPECT_EQ(Removed(file), absl::nullopt);
}

// The key as a text, in a nested object, and escaped where it counts.
constexpr char kManyKeys[] =
    R"({"a": "registry-mirrors", "b": {"registry-mirrors": [1, "}\""]},
 "registry\u002dmirrors" : [ "https://a/" , "https://b" ], "c": [[], -1.5e3]})";

TEST(DaemonJsonTest, WhatOthersWroteKeepsEveryByte) {
  for (const absl::string_view before :
       {"{}", "{}\n", " { } ", "{\n}\n", "{\n\t\"debug\": true\n}\n", "{\"registry-mirrors\":[]}",
        "{\"registry-mirrors\": []}\n", "{\"registry-mirrors\": [ ]}",
        "{\n  \"registry-mirrors\": [],\n  \"debug\": true}",
        "{\n  \"registry-mirrors\": [\n    \"https://hub.example.com\"\n  ]\r\n}", kManyKeys}) {
    SCOPED_TRACE(before);
    const std::string with = Added(std::string(before));
    EXPECT_NE(with, before);
    EXPECT_EQ(Added(with), with);
    ASSERT_OK_AND_ASSIGN(nlohmann::json expected, ParseJson(before));
    ASSERT_OK_AND_ASSIGN(const nlohmann::json found, ParseJson(with));
    auto& list = expected["registry-mirrors"];
    if (list.is_null()) list = nlohmann::json::array();
    list.insert(list.begin(), std::string(kMirror));
    EXPECT_EQ(found, expected);
    EXPECT_THAT(Removed(with), Eq(std::string(before)));
  }
}

TEST(DaemonJsonTest, AfterOthersEditedOnlyOurEntryGoes) {
  const auto removed = [](absl::string_view before) {
    return Removed(std::string(before)).value_or("no file");
  };
  EXPECT_EQ(removed("{\"registry-mirrors\": [\"http://localhost:13000/\", \"https://b\"]}"),
            "{\"registry-mirrors\": [\"https://b\"]}");
  EXPECT_EQ(removed("{\"registry-mirrors\": [\"https://a\",\n  \"http://localhost:13000\"\n]}"),
            "{\"registry-mirrors\": [\"https://a\"\n]}");
  EXPECT_EQ(removed("{\"registry-mirrors\": [\"a\", \"http://localhost:13000\", \"b\"]}"),
            "{\"registry-mirrors\": [\"a\", \"b\"]}");
  EXPECT_EQ(removed("{\"registry-mirrors\": [\n\"http://localhost:13000\"\n]}\n"),
            "{\"registry-mirrors\": [\n\n]}\n");
  EXPECT_EQ(removed("{\n  \"registry-mirrors\": [ \"http://localhost:13000\" ]\n, \"a\": 1}"),
            "{\n  \"registry-mirrors\": [  ]\n, \"a\": 1}");
  EXPECT_EQ(removed("{\"registry-mirrors\": [\"https://a\"]}"),
            "{\"registry-mirrors\": [\"https://a\"]}");
  EXPECT_EQ(removed("{}"), "{}");
}

TEST(DaemonJsonTest, AnEntryThatIsThereIsNotAddedAgain) {
  const std::string before = "{\"registry-mirrors\": [\"https://a\", \"http://localhost:13000/\"]}";
  EXPECT_EQ(Added(before), before);
}

TEST(DaemonJsonTest, WhatIsNotSureIsRefusedWithItsLine) {
  struct Case {
    absl::string_view text;
    absl::string_view line;
    absl::string_view message;
  };
  for (const Case& c :
       {Case{"{\n  \"debug\": true,\n}\n", "line 3: ", "parse error"},
        Case{"", "line 1: ", "empty"}, Case{"\n[]", "line 1: ", "not a JSON object"},
        Case{"{\n\"registry-mirrors\": \"https://a\"}", "line 2: ", "not a list of texts"},
        Case{"{\n\n\"registry-mirrors\": [1]}", "line 3: ", "not a list of texts"},
        Case{"{\"registry-mirrors\": [],\n\"registry-mirrors\": []}", "line 2: ", "twice"},
        Case{"\xef\xbb\xbf{}", "line 1: ", "not a JSON object"}}) {
    SCOPED_TRACE(c.text);
    const auto refused = AllOf(HasSubstr(std::string(c.line)), HasSubstr(std::string(c.message)));
    EXPECT_THAT(AddRegistryMirror(std::string(c.text), kMirror),
                StatusIs(absl::StatusCode::kInvalidArgument, refused));
    EXPECT_THAT(RemoveRegistryMirror(std::string(c.text), kMirror),
                StatusIs(absl::StatusCode::kInvalidArgument, refused));
  }
}

}  // namespace
}  // namespace kraken::krakenctl
