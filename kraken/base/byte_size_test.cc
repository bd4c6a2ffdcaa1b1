#include "kraken/base/byte_size.h"

#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

TEST(ByteSizeTest, UnitsArePowersOf1024InAnyCase) {
  EXPECT_THAT(ParseByteSize("0"), IsOkAndHolds(0));
  EXPECT_THAT(ParseByteSize("512"), IsOkAndHolds(512));
  EXPECT_THAT(ParseByteSize("512B"), IsOkAndHolds(512));
  EXPECT_THAT(ParseByteSize("100KB"), IsOkAndHolds(102400));
  EXPECT_THAT(ParseByteSize("100kb"), IsOkAndHolds(102400));
  EXPECT_THAT(ParseByteSize("4MB"), IsOkAndHolds(4194304));
  EXPECT_THAT(ParseByteSize("4MiB"), IsOkAndHolds(4194304));
  EXPECT_THAT(ParseByteSize("50G"), IsOkAndHolds(int64_t{50} << 30));
  EXPECT_THAT(ParseByteSize("2 TB"), IsOkAndHolds(int64_t{2} << 40));
  EXPECT_THAT(ParseByteSize("1P"), IsOkAndHolds(int64_t{1} << 50));
}

TEST(ByteSizeTest, RefusesAllElse) {
  for (const char* text :
       {"", "B", "MB", "-1", "+1", "1.5G", "1X", "1KX", "1KBB", "1iB", " 1", "1 ", "0x10", "1K1"}) {
    EXPECT_THAT(ParseByteSize(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(ByteSizeTest, OverflowIsAnError) {
  EXPECT_THAT(ParseByteSize("9223372036854775807"), IsOkAndHolds(kMax));
  EXPECT_THAT(ParseByteSize("9223372036854775808"), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(ParseByteSize("8191P"), IsOkAndHolds(int64_t{8191} << 50));
  EXPECT_THAT(ParseByteSize("8192P"), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(ParseByteSize("99999999999999999999G"), StatusIs(absl::StatusCode::kOutOfRange));
}

TEST(ByteSizeTest, PrintsTheShortestExactForm) {
  EXPECT_EQ(FormatByteSize(0), "0B");
  EXPECT_EQ(FormatByteSize(1000), "1000B");
  EXPECT_EQ(FormatByteSize(1024), "1KB");
  EXPECT_EQ(FormatByteSize(1536), "1536B");
  EXPECT_EQ(FormatByteSize(4194304), "4MB");
  EXPECT_EQ(FormatByteSize(int64_t{3} << 50), "3PB");
  for (const int64_t size : {int64_t{0}, int64_t{1}, int64_t{1} << 62, kMax}) {
    EXPECT_THAT(ParseByteSize(FormatByteSize(size)), IsOkAndHolds(size));
  }
}

}  // namespace
}  // namespace kraken
