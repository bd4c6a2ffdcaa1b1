#include "kraken/agent/served_manifest.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::agent {
namespace {

using ::testing::ElementsAre;

TEST(ServedManifestTest, KnowsItsTypeAndWhatItNames) {
  const Digest config = Sha256Digest("config");
  const std::string body = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
      R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":6,"digest":")",
      config.ToString(), R"("},"layers":[]})");
  ASSERT_OK_AND_ASSIGN(const auto manifest, ServedManifest::Parse(Sha256Digest(body), body));
  EXPECT_EQ(manifest->media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(manifest->body, body);
  EXPECT_THAT(manifest->references, ElementsAre(config));
  EXPECT_FALSE(ServedManifest::Parse(Sha256Digest("{}"), "{}").ok());
}

}  // namespace
}  // namespace kraken::agent
