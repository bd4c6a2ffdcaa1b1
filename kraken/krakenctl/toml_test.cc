#include "kraken/krakenctl/toml.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"

namespace kraken::krakenctl {
namespace {

using Kind = TomlStatement::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(TomlTest, StatementsCoverTheTextWithoutGaps) {
  const std::string text =
      "# mirrors\r\n"
      "version = 3 # the third\n"
      "\n"
      "imports = [ \"/etc/containerd/a]\", # a bracket in a string\n"
      "  'b',\n"
      "]\n"
      "  [plugins.'io.containerd.cri.v1.images' . \"registry\"]\n"
      "header = {x-a = \"1\", y = [2]}\n"
      "[[registry.mirror]]";
  ASSERT_OK_AND_ASSIGN(const std::vector<TomlStatement> statements, ParseToml(text));
  ASSERT_THAT(statements, SizeIs(7));
  size_t end = 0;
  for (const TomlStatement& statement : statements) {
    EXPECT_EQ(statement.begin, end);
    end = statement.end;
  }
  EXPECT_EQ(end, text.size());
  EXPECT_EQ(statements[0].kind, Kind::kComment);
  EXPECT_EQ(statements[1].kind, Kind::kKey);
  EXPECT_EQ(statements[1].value, "3");
  EXPECT_EQ(statements[2].kind, Kind::kBlank);
  EXPECT_THAT(statements[3].name, ElementsAre("imports"));
  EXPECT_EQ(statements[4].kind, Kind::kTable);
  EXPECT_THAT(statements[4].name,
              ElementsAre("plugins", "io.containerd.cri.v1.images", "registry"));
  EXPECT_EQ(statements[4].line, 7);
  EXPECT_EQ(statements[5].value, "{x-a = \"1\", y = [2]}");
  EXPECT_EQ(statements[6].kind, Kind::kTableArray);
  EXPECT_EQ(statements[6].line, 9);
}

TEST(TomlTest, NothingIsAFileToo) { EXPECT_THAT(*ParseToml(""), IsEmpty()); }

TEST(TomlTest, WhatIsNotReadIsRefusedWithItsLine) {
  for (const absl::string_view line : {"server",
                                       "server =",
                                       "= 1",
                                       "server = \"https://a",
                                       "server = '''a'''",
                                       "a = \"\\u0041\"",
                                       "a = 1 2",
                                       "[table",
                                       "[table] b",
                                       "[[table]",
                                       "a = [1",
                                       "a = {b = 1,\n c = 2}",
                                       "a = ]",
                                       "a = [1}",
                                       "a..b = 1",
                                       "a\rb = 1",
                                       "a = \"\x01\"",
                                       "# \x01",
                                       "a = \"\"\"\n\"\"\"",
                                       "a = 1 = 2",
                                       "a = ,"}) {
    SCOPED_TRACE(line);
    EXPECT_THAT(ParseToml(absl::StrCat("# one\n\n", line)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 3: ")));
  }
  EXPECT_THAT(ParseToml(absl::StrCat("a = ", std::string(kMaxTomlDepth + 1, '['),
                                     std::string(kMaxTomlDepth + 1, ']'))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("too deep")));
}

TEST(TomlTest, StringsAreReadAndWritten) {
  EXPECT_THAT(TomlString("\"a\\\\b\\\"\\t#\""), IsOkAndHolds(std::string("a\\b\"\t#")));
  EXPECT_THAT(TomlString("'a\\b'"), IsOkAndHolds(std::string("a\\b")));
  EXPECT_THAT(TomlString(TomlQuote("http://[::1]:13000")),
              IsOkAndHolds(std::string("http://[::1]:13000")));
  for (const absl::string_view value : {"", "1", "[\"a\"]", "\"a\" \"b\"", "'''a'''"}) {
    EXPECT_THAT(TomlString(value), StatusIs(absl::StatusCode::kInvalidArgument)) << value;
  }
}

}  // namespace
}  // namespace kraken::krakenctl
