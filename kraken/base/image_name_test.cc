#include "kraken/base/image_name.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken {
namespace {

using ::testing::HasSubstr;

constexpr char kDigest[] =
    "sha256:289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5";

TEST(ImageNameTest, ParsesEachPart) {
  ASSERT_OK_AND_ASSIGN(
      const ImageName name,
      ImageName::Parse(absl::StrCat("Harbor.example.com:8443/library/debian:12@", kDigest)));
  EXPECT_EQ(name.host, "harbor.example.com:8443");
  EXPECT_EQ(name.repository.ToString(), "library/debian");
  EXPECT_EQ(name.tag->ToString(), "12");
  EXPECT_EQ(name.digest->ToString(), kDigest);
  EXPECT_EQ(name.ToString(), absl::StrCat("harbor.example.com:8443/library/debian:12@", kDigest));
  EXPECT_TRUE(name.reference()->is_digest());
}

TEST(ImageNameTest, AssumesNothingForMissingParts) {
  ASSERT_OK_AND_ASSIGN(const ImageName name, ImageName::Parse("debian"));
  EXPECT_EQ(name.host, "");
  EXPECT_EQ(name.repository.ToString(), "debian");
  EXPECT_FALSE(name.tag.has_value());
  EXPECT_FALSE(name.digest.has_value());
  EXPECT_FALSE(name.reference().has_value());
}

TEST(ImageNameTest, HostNeedsADotAColonOrToBeLocalhost) {
  ASSERT_OK_AND_ASSIGN(const ImageName local, ImageName::Parse("localhost/debian:latest"));
  EXPECT_EQ(local.host, "localhost");
  EXPECT_EQ(local.reference()->ToString(), "latest");
  ASSERT_OK_AND_ASSIGN(const ImageName project, ImageName::Parse("library/debian:latest"));
  EXPECT_EQ(project.host, "");
  ASSERT_OK_AND_ASSIGN(const ImageName port, ImageName::Parse("[::1]:5000/debian"));
  EXPECT_EQ(port.host, "[::1]:5000");
}

TEST(ImageNameTest, ErrorNamesThePart) {
  const auto is_error = [](absl::string_view part) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(std::string(part)));
  };
  EXPECT_THAT(ImageName::Parse(""), is_error("repository name"));
  EXPECT_THAT(ImageName::Parse("Debian"), is_error("repository name"));
  EXPECT_THAT(ImageName::Parse("debian:"), is_error("tag"));
  EXPECT_THAT(ImageName::Parse("debian@sha256:12"), is_error("digest"));
  EXPECT_THAT(ImageName::Parse("a..b/debian"), is_error("host"));
  EXPECT_THAT(ImageName::Parse("a.b:5000/"), is_error("repository name"));
}

TEST(ReferenceTest, AColonMakesADigest) {
  ASSERT_OK_AND_ASSIGN(const Reference tag, Reference::Parse("latest"));
  EXPECT_TRUE(tag.is_tag());
  EXPECT_EQ(tag.ToString(), "latest");
  ASSERT_OK_AND_ASSIGN(const Reference digest, Reference::Parse(kDigest));
  EXPECT_TRUE(digest.is_digest());
  EXPECT_EQ(digest.ToString(), kDigest);
  EXPECT_THAT(Reference::Parse("sha256:12"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Reference::Parse(""), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace kraken
