#include "kraken/base/info_hash.h"

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(InfoHashTest, ParsesWhatItPrints) {
  constexpr char kHex[] = "85b978c4377625b3963df406d0dd3a1da5a7d9c3";
  ASSERT_OK_AND_ASSIGN(const InfoHash hash, InfoHash::Parse(kHex));
  EXPECT_EQ(hash.hex(), kHex);
  EXPECT_LT(InfoHash(), hash);
}

TEST(InfoHashTest, ErrorNamesTheType) {
  EXPECT_THAT(InfoHash::Parse("85b9"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                "info hash: expected 40 lower-case hex digits"));
}

}  // namespace
}  // namespace kraken
