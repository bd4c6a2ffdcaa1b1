#include "kraken/config/yaml_parser.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/node.h"

namespace kraken::config {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;

auto IsFailure(const std::string& text) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(text));
}

TEST(YamlParserTest, KeepsPositionsOfKeysAndValues) {
  ASSERT_OK_AND_ASSIGN(const Node root, ParseYaml("a: 1\nb:\n  c: [x, \"y\"]\n", "f.yaml"));
  ASSERT_EQ(root.members.size(), 2u);
  EXPECT_EQ(root.members[1].key_position.ToString(), "f.yaml:2:1");
  const Node* list = root.Find("b")->Find("c");
  ASSERT_THAT(list, NotNull());
  EXPECT_EQ(list->position.ToString(), "f.yaml:3:6");
  ASSERT_EQ(list->items.size(), 2u);
  EXPECT_EQ(list->items[1].scalar, "y");
  EXPECT_EQ(list->items[1].position.ToString(), "f.yaml:3:10");
}

TEST(YamlParserTest, EmptyFileIsAnEmptyMap) {
  for (const char* text : {"", "\n", "# nothing\n", "---\n", "~"}) {
    ASSERT_OK_AND_ASSIGN(const Node root, ParseYaml(text, "f"));
    EXPECT_EQ(root.kind, Node::Kind::kMap);
    EXPECT_TRUE(root.members.empty());
  }
}

TEST(YamlParserTest, NullCountsAsMissing) {
  ASSERT_OK_AND_ASSIGN(const Node root, ParseYaml("a:\nb: ~\nc: null\nd: \"null\"\ne: ''", "f"));
  EXPECT_THAT(root.Find("a"), IsNull());
  EXPECT_THAT(root.Find("b"), IsNull());
  EXPECT_THAT(root.Find("c"), IsNull());
  EXPECT_EQ(root.Find("d")->scalar, "null");
  EXPECT_EQ(root.Find("e")->scalar, "");
}

TEST(YamlParserTest, SyntaxErrorNamesThePlace) {
  EXPECT_THAT(ParseYaml("a: [1, 2\nb: 3\n", "dir/f.yaml"), IsFailure("dir/f.yaml:2:"));
  EXPECT_THAT(ParseYaml("a: b: c", "f.yaml"), IsFailure("f.yaml:1:5: illegal map value"));
  EXPECT_THAT(ParseYaml("\ta: 1", "f.yaml"), IsFailure("f.yaml:1:"));
}

TEST(YamlParserTest, KeyTwiceIsAnError) {
  EXPECT_THAT(ParseYaml("a: 1\nb: 2\na: 3\n", "f.yaml"),
              IsFailure("f.yaml:3:1: key \"a\" is already set on line 1"));
  EXPECT_OK(ParseYaml("a: {x: 1}\nb: {x: 1}\n", "f.yaml"));
}

TEST(YamlParserTest, RefusesWhatIsNoConfiguration) {
  EXPECT_THAT(ParseYaml("- a", "f"), IsFailure("f:1:1: expected a map, found a list"));
  EXPECT_THAT(ParseYaml("text", "f"), IsFailure("expected a map, found a single value"));
  EXPECT_THAT(ParseYaml("a: 1\n---\nb: 2\n", "f"), IsFailure("second document"));
  EXPECT_THAT(ParseYaml("[x]: 1", "f"), IsFailure("expected a key, found a list"));
  EXPECT_THAT(ParseYaml("a: !mine 1", "f"), IsFailure("tags"));
  EXPECT_OK(ParseYaml("a: !!str 1", "f"));
}

TEST(YamlParserTest, AliasesAndMergeKeysAreExpanded) {
  ASSERT_OK_AND_ASSIGN(const Node root, ParseYaml("base: &b {x: 1, y: 2}\n"
                                                  "same: *b\n"
                                                  "more:\n"
                                                  "  y: 3\n"
                                                  "  <<: *b\n"
                                                  "two:\n"
                                                  "  <<: [{p: 1}, {p: 2, q: 3}]\n",
                                                  "f"));
  EXPECT_EQ(root.Find("same")->Find("y")->scalar, "2");
  EXPECT_EQ(root.Find("more")->Find("x")->scalar, "1");
  EXPECT_EQ(root.Find("more")->Find("y")->scalar, "3");
  EXPECT_EQ(root.Find("two")->Find("p")->scalar, "1");
  EXPECT_EQ(root.Find("two")->Find("q")->scalar, "3");
  EXPECT_THAT(ParseYaml("a: {<<: 1}", "f"), IsFailure("merges only maps"));
  EXPECT_THAT(ParseYaml("a: {<<: [1]}", "f"), IsFailure("merges only maps"));
}

TEST(YamlParserTest, AliasOfWhatContainsItIsAnError) {
  EXPECT_THAT(ParseYaml("a: &a [*a]", "f"), IsFailure("alias"));
  EXPECT_THAT(ParseYaml("a: *nowhere", "f"), IsFailure("f:1:4"));
}

TEST(YamlParserTest, BillionLaughsAreRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    absl::StrAppend(&text, "a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) absl::StrAppend(&text, j == 0 ? "" : ", ", "*a", i - 1);
    absl::StrAppend(&text, "]\n");
  }
  EXPECT_THAT(ParseYaml(text, "f"), IsFailure("aliases expanded"));
}

TEST(YamlParserTest, RepeatedLargeTextIsRefused) {
  std::string text = absl::StrCat("a: &a \"", std::string(kMaxScalarBytes, 'x'), "\"\nb:\n");
  for (int i = 0; i < 100; ++i) absl::StrAppend(&text, "- *a\n");
  EXPECT_THAT(ParseYaml(text, "f"), IsFailure("aliases expanded"));
}

TEST(YamlParserTest, DepthSizeAndCountAreLimited) {
  EXPECT_THAT(ParseYaml("a: " + std::string(100000, '['), "f"), IsFailure("nested deeper"));
  EXPECT_THAT(ParseYaml("a: " + std::string(100000, '{'), "f"), IsFailure("nested deeper"));
  EXPECT_THAT(ParseYaml("a: \"" + std::string(kMaxScalarBytes + 1, 'x') + "\"", "f"),
              IsFailure("longer than"));
  EXPECT_THAT(ParseYaml(std::string(kMaxFileBytes + 1, '#'), "f"), IsFailure("larger than"));
  std::string many = "a:\n";
  for (size_t i = 0; i <= kMaxNodes; ++i) many += "- 1\n";
  EXPECT_THAT(ParseYaml(many, "f"), IsFailure("more than"));
}

}  // namespace
}  // namespace kraken::config
