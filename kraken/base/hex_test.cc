#include "kraken/base/hex.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace kraken {
namespace {

TEST(HexTest, EveryByteRoundTrips) {
  for (int i = 0; i < 256; ++i) {
    const std::array<uint8_t, 1> in = {static_cast<uint8_t>(i)};
    std::array<uint8_t, 1> out = {static_cast<uint8_t>(~i)};
    ASSERT_TRUE(HexDecode(HexEncode(in), absl::MakeSpan(out)));
    EXPECT_EQ(in, out);
  }
  EXPECT_EQ(HexEncode(std::vector<uint8_t>{0x00, 0x7f, 0xab, 0xff}), "007fabff");
}

TEST(HexTest, OnlyLowerCaseDigitsAreAccepted) {
  std::array<uint8_t, 1> out;
  for (int c = 0; c < 256; ++c) {
    const bool is_digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    EXPECT_EQ(HexDecode(std::string{'0', static_cast<char>(c)}, absl::MakeSpan(out)), is_digit)
        << c;
    EXPECT_EQ(HexDecode(std::string{static_cast<char>(c), '0'}, absl::MakeSpan(out)), is_digit)
        << c;
  }
}

TEST(HexTest, LengthMustFit) {
  std::array<uint8_t, 2> out;
  EXPECT_FALSE(HexDecode("", absl::MakeSpan(out)));
  EXPECT_FALSE(HexDecode("abc", absl::MakeSpan(out)));
  EXPECT_FALSE(HexDecode("abcdef", absl::MakeSpan(out)));
  EXPECT_TRUE(HexDecode("abcd", absl::MakeSpan(out)));
}

}  // namespace
}  // namespace kraken
