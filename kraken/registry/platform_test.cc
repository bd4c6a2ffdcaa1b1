#include "kraken/registry/platform.h"

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

using ::testing::HasSubstr;

Platform P(absl::string_view text) { return *Platform::Parse(text); }

TEST(PlatformTest, ParsesAndPrints) {
  EXPECT_EQ(P("linux/amd64"), (Platform{.os = "linux", .architecture = "amd64"}));
  EXPECT_EQ(P("linux/arm/v6").ToString(), "linux/arm/v6");
  EXPECT_EQ(P("linux/amd64").ToString(), "linux/amd64");
}

TEST(PlatformTest, AliasesBecomeGosNames) {
  EXPECT_EQ(P("Linux/x86_64"), P("linux/amd64"));
  EXPECT_EQ(P("linux/aarch64"), P("linux/arm64"));
  EXPECT_EQ(P("linux/armhf"), P("linux/arm/v7"));
  EXPECT_EQ(P("linux/arm/6"), P("linux/arm/v6"));
}

TEST(PlatformTest, RefusesWhatIsNoPlatform) {
  for (const char* text : {"", "linux", "linux/", "/amd64", "linux//v7", "a/b/c/d", "li nux/amd64",
                           "linux/amd64,linux/arm64"}) {
    EXPECT_THAT(Platform::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text)));
  }
}

TEST(PlatformTest, SystemAndArchitectureMustBeEqual) {
  EXPECT_TRUE(PlatformMatches(P("linux/amd64"), P("linux/amd64")));
  EXPECT_FALSE(PlatformMatches(P("linux/amd64"), P("linux/arm64")));
  EXPECT_FALSE(PlatformMatches(P("linux/amd64"), P("windows/amd64")));
}

TEST(PlatformTest, AnyVariantWillDoIfNoneIsWanted) {
  EXPECT_TRUE(PlatformMatches(P("linux/arm"), P("linux/arm/v6")));
  EXPECT_TRUE(PlatformMatches(P("linux/arm"), P("linux/arm")));
}

TEST(PlatformTest, WantedVariantMustBeEqualWithDefaults) {
  EXPECT_TRUE(PlatformMatches(P("linux/arm/v7"), P("linux/arm")));
  EXPECT_TRUE(PlatformMatches(P("linux/arm64/v8"), P("linux/arm64")));
  EXPECT_TRUE(PlatformMatches(P("linux/amd64/v1"), P("linux/amd64")));
  EXPECT_FALSE(PlatformMatches(P("linux/amd64/v3"), P("linux/amd64")));
  EXPECT_FALSE(PlatformMatches(P("linux/arm/v6"), P("linux/arm/v7")));
}

// What BuildKit attaches to an index for attestations.
TEST(PlatformTest, UnknownMatchesNoRealPlatform) {
  EXPECT_FALSE(PlatformMatches(P("linux/amd64"), P("unknown/unknown")));
}

}  // namespace
}  // namespace kraken::registry
