#include "kraken/registry/content_response.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/digest.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/media_type.h"

namespace kraken::registry {
namespace {

class ContentResponseTest : public ::testing::Test {
 protected:
  const std::string hex_ = std::string(64, 'a');
  const Digest digest_ = *Digest::FromHex(hex_);
  const std::string etag_ = absl::StrCat("\"sha256:", hex_, "\"");
};

TEST_F(ContentResponseTest, ManifestSaysWhatItIs) {
  const ContentResponse response = ManifestResponse({}, digest_, kOciIndexType, ByteCount(7));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.GetOr("Content-Type"), kOciIndexType);
  EXPECT_EQ(response.headers.GetOr("Docker-Content-Digest"), digest_.ToString());
  EXPECT_EQ(response.headers.GetOr("ETag"), etag_);
  EXPECT_EQ(response.headers.GetOr("Docker-Distribution-Api-Version"), "registry/2.0");
  EXPECT_EQ(response.body, (ByteRange{ByteOffset(0), ByteCount(7)}));
}

TEST_F(ContentResponseTest, KnownContentIsNotSentAgain) {
  const net::HeaderMap request = {{"If-None-Match", etag_}};
  const ContentResponse manifest = ManifestResponse(request, digest_, kOciIndexType, ByteCount(7));
  EXPECT_EQ(manifest.status, 304);
  EXPECT_EQ(manifest.body, absl::nullopt);
  EXPECT_EQ(manifest.headers.GetOr("ETag"), etag_);
  EXPECT_EQ(BlobResponse(request, digest_, ByteCount(7)).status, 304);
}

TEST_F(ContentResponseTest, EtagsAreComparedWeakly) {
  for (const std::string& tag : {etag_, absl::StrCat("W/", etag_), digest_.ToString(),
                                 absl::StrCat("\"x\" , ", etag_), std::string("*")}) {
    EXPECT_TRUE(MatchesEtag(tag, digest_)) << tag;
  }
  for (const std::string& tag : {std::string(), std::string("\"x\""), std::string("\""),
                                 absl::StrCat("\"", digest_.ToString()), hex_}) {
    EXPECT_FALSE(MatchesEtag(tag, digest_)) << tag;
  }
}

TEST_F(ContentResponseTest, WholeBlob) {
  const ContentResponse response = BlobResponse({}, digest_, ByteCount(100));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.GetOr("Accept-Ranges"), "bytes");
  EXPECT_EQ(response.headers.GetOr("Content-Type"), "application/octet-stream");
  EXPECT_EQ(response.headers.GetOr("Docker-Content-Digest"), digest_.ToString());
  EXPECT_FALSE(response.headers.Has("Content-Range"));
  EXPECT_EQ(response.body, (ByteRange{ByteOffset(0), ByteCount(100)}));
}

TEST_F(ContentResponseTest, PartOfABlob) {
  const ContentResponse response =
      BlobResponse({{"Range", "bytes=10-19"}}, digest_, ByteCount(100));
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.headers.GetOr("Content-Range"), "bytes 10-19/100");
  EXPECT_EQ(response.body, (ByteRange{ByteOffset(10), ByteCount(10)}));
}

TEST_F(ContentResponseTest, RangeBehindTheEnd) {
  const ContentResponse response = BlobResponse({{"Range", "bytes=100-"}}, digest_, ByteCount(100));
  EXPECT_EQ(response.status, 416);
  EXPECT_EQ(response.headers.GetOr("Content-Range"), "bytes */100");
  EXPECT_EQ(response.body, absl::nullopt);
}

TEST_F(ContentResponseTest, IfRangeOfOtherContentGetsTheWhole) {
  const ContentResponse response =
      BlobResponse({{"Range", "bytes=10-19"}, {"If-Range", "\"x\""}}, digest_, ByteCount(100));
  EXPECT_EQ(response.status, 200);
}

TEST_F(ContentResponseTest, EmptyBlob) {
  const ContentResponse response = BlobResponse({}, digest_, ByteCount(0));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, (ByteRange{ByteOffset(0), ByteCount(0)}));
}

}  // namespace
}  // namespace kraken::registry
