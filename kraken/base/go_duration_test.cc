#include "kraken/base/go_duration.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

TEST(GoDurationTest, ReadsWhatGoReads) {
  EXPECT_THAT(ParseGoDuration("0"), IsOkAndHolds(absl::ZeroDuration()));
  EXPECT_THAT(ParseGoDuration("5m"), IsOkAndHolds(absl::Minutes(5)));
  EXPECT_THAT(ParseGoDuration("1h30m"), IsOkAndHolds(absl::Minutes(90)));
  EXPECT_THAT(ParseGoDuration("100ms"), IsOkAndHolds(absl::Milliseconds(100)));
  EXPECT_THAT(ParseGoDuration("1.5s"), IsOkAndHolds(absl::Milliseconds(1500)));
  EXPECT_THAT(ParseGoDuration(".5s"), IsOkAndHolds(absl::Milliseconds(500)));
  EXPECT_THAT(ParseGoDuration("5.s"), IsOkAndHolds(absl::Seconds(5)));
  EXPECT_THAT(ParseGoDuration("-100ms"), IsOkAndHolds(absl::Milliseconds(-100)));
  EXPECT_THAT(ParseGoDuration("+2s"), IsOkAndHolds(absl::Seconds(2)));
  EXPECT_THAT(ParseGoDuration("7us"), IsOkAndHolds(absl::Microseconds(7)));
  EXPECT_THAT(ParseGoDuration("7\xc2\xb5s"), IsOkAndHolds(absl::Microseconds(7)));
  EXPECT_THAT(ParseGoDuration("7\xce\xbcs"), IsOkAndHolds(absl::Microseconds(7)));
  EXPECT_THAT(ParseGoDuration("3ns"), IsOkAndHolds(absl::Nanoseconds(3)));
  EXPECT_THAT(ParseGoDuration("39h9m14.425s"),
              IsOkAndHolds(absl::Hours(39) + absl::Minutes(9) + absl::Milliseconds(14425)));
  EXPECT_THAT(ParseGoDuration("0.3333333333333333333h"),
              IsOkAndHolds(absl::Nanoseconds(1199999999999)));
}

TEST(GoDurationTest, BareIntegerIsNanoseconds) {
  EXPECT_THAT(ParseGoDuration("3000000000"), IsOkAndHolds(absl::Seconds(3)));
  EXPECT_THAT(ParseGoDuration("-5"), IsOkAndHolds(absl::Nanoseconds(-5)));
}

TEST(GoDurationTest, RefusesAllElse) {
  for (const char* text :
       {"",    "-",  "+",   ".",   "s",   "1.5", "1x",   "5m 3s", " 5m",  "5m ",
        "5 m", "5M", "inf", "1m5", "0s5", ".s",  "--1s", "1d",    "1e3s", "0x1s"}) {
    EXPECT_THAT(ParseGoDuration(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(GoDurationTest, LimitIsGos) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  EXPECT_THAT(ParseGoDuration("9223372036854775807ns"), IsOkAndHolds(absl::Nanoseconds(kMax)));
  EXPECT_THAT(ParseGoDuration("-9223372036854775808ns"), IsOkAndHolds(absl::Nanoseconds(kMin)));
  EXPECT_THAT(ParseGoDuration("-2562047h47m16.854775808s"), IsOkAndHolds(absl::Nanoseconds(kMin)));
  for (const char* text :
       {"9223372036854775808", "9223372036854775808ns", "2562047h47m16.854775808s",
        "99999999999999999999999999999h", "-9223372036854775809"}) {
    EXPECT_THAT(ParseGoDuration(text), StatusIs(absl::StatusCode::kOutOfRange)) << text;
  }
}

TEST(GoDurationTest, PrintsAsGoDoes) {
  EXPECT_EQ(FormatGoDuration(absl::ZeroDuration()), "0s");
  EXPECT_EQ(FormatGoDuration(absl::Nanoseconds(1)), "1ns");
  EXPECT_EQ(FormatGoDuration(absl::Nanoseconds(1100)), "1.1\xc2\xb5s");
  EXPECT_EQ(FormatGoDuration(absl::Microseconds(2200)), "2.2ms");
  EXPECT_EQ(FormatGoDuration(absl::Milliseconds(3300)), "3.3s");
  EXPECT_EQ(FormatGoDuration(absl::Minutes(4) + absl::Seconds(5)), "4m5s");
  EXPECT_EQ(FormatGoDuration(absl::Minutes(4) + absl::Milliseconds(5001)), "4m5.001s");
  EXPECT_EQ(FormatGoDuration(absl::Hours(5) + absl::Minutes(6) + absl::Milliseconds(7001)),
            "5h6m7.001s");
  EXPECT_EQ(FormatGoDuration(absl::Minutes(8) + absl::Nanoseconds(1)), "8m0.000000001s");
  EXPECT_EQ(FormatGoDuration(absl::Hours(1)), "1h0m0s");
  EXPECT_EQ(FormatGoDuration(-absl::Hours(1)), "-1h0m0s");
  EXPECT_EQ(FormatGoDuration(absl::InfiniteDuration()), "2562047h47m16.854775807s");
  EXPECT_EQ(FormatGoDuration(-absl::InfiniteDuration()), "-2562047h47m16.854775808s");
}

}  // namespace
}  // namespace kraken
