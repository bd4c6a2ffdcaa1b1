#include "kraken/daemon/kraken_json.h"

#include <array>
#include <string>

#include "gtest/gtest.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"

namespace kraken::daemon {
namespace {

absl::StatusOr<std::array<uint8_t, 20>> Parse(const std::string& text) {
  const auto json = ParseJson(text);
  EXPECT_OK(json);
  return ParseKrakenId(&*json);
}

TEST(KrakenJsonTest, AnIdIsTwentyNumbers) {
  std::array<uint8_t, 20> id{};
  id[0] = 219;
  id[19] = 255;
  const std::string text = "[219,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,255]";
  EXPECT_EQ(ToKrakenJson(id), text);
  ASSERT_OK_AND_ASSIGN(const auto again, Parse(text));
  EXPECT_EQ(again, id);
}

TEST(KrakenJsonTest, NothingElseIs) {
  for (const std::string text :
       {"null", "{}", "[]", "\"db770bbe2054a18fd6f71aedeb415d296a49b5d1\"",
        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]", "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
        "[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,256]", "[-1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
        "[0.5,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]",
        "[\"1\",0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]"}) {
    EXPECT_THAT(Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(ParseKrakenId(nullptr), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken::daemon
