#include "kraken/base/json.h"

#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::HasSubstr;
using ::testing::IsNull;
using ::testing::NotNull;
using ::testing::Optional;

TEST(JsonTest, ErrorSaysWhere) {
  EXPECT_THAT(ParseJson("{\"a\":\n 1,}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line 2, column 4")));
  EXPECT_THAT(ParseJson(""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson("{} {}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson("\"\xff\""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(JsonTest, DepthIsLimited) {
  EXPECT_OK(ParseJson("[[[]]]", 3));
  EXPECT_OK(ParseJson("[[],[],{\"a\":[]}]", 3));
  EXPECT_THAT(ParseJson("[[[]]]", 2),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("deeper")));
  EXPECT_THAT(ParseJson(std::string(1000000, '[')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(JsonTest, BracketsInStringsAreNoDepth) {
  EXPECT_OK(ParseJson(R"(["[[[[[[{{{{{{", "\"[[[[", "\\"])", 1));
}

TEST(JsonTest, FindsKeysAsGoDoes) {
  ASSERT_OK_AND_ASSIGN(const nlohmann::json object, ParseJson(R"({"Delay":1,"delay":2,"TAG":3})"));
  EXPECT_THAT(JsonInt64(FindJsonIgnoreCase(object, "delay")), Optional(2));
  EXPECT_THAT(JsonInt64(FindJsonIgnoreCase(object, "tag")), Optional(3));
  EXPECT_THAT(FindJson(object, "tag"), IsNull());
  EXPECT_THAT(FindJson(object, "TAG"), NotNull());
  EXPECT_THAT(FindJson(nlohmann::json(7), "TAG"), IsNull());
  EXPECT_THAT(FindJsonIgnoreCase(nlohmann::json::array(), "TAG"), IsNull());
}

TEST(JsonTest, AccessorsCheckTypes) {
  ASSERT_OK_AND_ASSIGN(const nlohmann::json object,
                       ParseJson(R"({"s":"x","i":-5,"u":18446744073709551615,"d":1.5,"b":true})"));
  EXPECT_THAT(JsonString(FindJson(object, "s")), Optional(std::string("x")));
  EXPECT_EQ(JsonString(FindJson(object, "i")), std::nullopt);
  EXPECT_EQ(JsonString(nullptr), std::nullopt);
  EXPECT_THAT(JsonInt64(FindJson(object, "i")), Optional(-5));
  EXPECT_EQ(JsonInt64(FindJson(object, "u")), std::nullopt);
  EXPECT_EQ(JsonInt64(FindJson(object, "d")), std::nullopt);
  EXPECT_THAT(JsonBool(FindJson(object, "b")), Optional(true));
  EXPECT_EQ(JsonBool(FindJson(object, "s")), std::nullopt);
}

TEST(JsonTest, DumpReplacesBadUtf8) {
  EXPECT_EQ(DumpJson(nlohmann::json("a\xff")), "\"a\xef\xbf\xbd\"");
}

}  // namespace
}  // namespace kraken
