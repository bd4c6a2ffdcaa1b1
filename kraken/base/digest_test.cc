#include "kraken/base/digest.h"

#include <string>

#include "absl/hash/hash_testing.h"
#include "absl/status/status.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

constexpr char kHex[] = "289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5";

TEST(DigestTest, ParsesAndPrints) {
  ASSERT_OK_AND_ASSIGN(const Digest digest, Digest::Parse(std::string("sha256:") + kHex));
  EXPECT_EQ(digest.hex(), kHex);
  EXPECT_EQ(digest.ToString(), std::string("sha256:") + kHex);
  EXPECT_EQ(digest.bytes()[0], 0x28);
  EXPECT_EQ(digest.bytes()[31], 0xf5);
  EXPECT_THAT(Digest::FromHex(kHex), IsOkAndHolds(digest));
  EXPECT_EQ(Digest::FromBytes(digest.bytes()), digest);
}

TEST(DigestTest, RefusesEveryOtherSpelling) {
  const std::string hex = kHex;
  const std::string upper = "289314C3" + hex.substr(8);
  for (const std::string& text :
       {std::string(), hex, std::string("sha256:"), "sha256:" + hex.substr(1),
        "sha256:" + hex + "0", "sha256:" + upper, "SHA256:" + hex, "sha512:" + hex,
        " sha256:" + hex, "sha256:" + hex + "\n", "sha256:" + hex.substr(1) + "g",
        "sha256:" + hex.substr(1) + std::string(1, '\0')}) {
    EXPECT_THAT(Digest::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

TEST(DigestTest, ShardKeyIsTheFirstTwoBytes) {
  ASSERT_OK_AND_ASSIGN(const Digest digest, Digest::FromHex(kHex));
  EXPECT_EQ(digest.ShardKey(), (std::array<uint8_t, 2>{0x28, 0x93}));
}

TEST(DigestTest, OrdersAsItsHexDoes) {
  ASSERT_OK_AND_ASSIGN(const Digest low, Digest::FromHex(std::string(64, '0')));
  ASSERT_OK_AND_ASSIGN(const Digest middle, Digest::FromHex(kHex));
  ASSERT_OK_AND_ASSIGN(const Digest high, Digest::FromHex(std::string(64, 'f')));
  EXPECT_LT(low, middle);
  EXPECT_LT(middle, high);
  EXPECT_EQ(low, Digest());
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly({low, middle, high}));
}

}  // namespace
}  // namespace kraken
