#include "kraken/agent/manifest_cache.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::agent {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<const ServedManifest> Manifest(const std::string& name, size_t bytes) {
  auto manifest = std::make_shared<ServedManifest>();
  manifest->digest = Sha256Digest(name);
  manifest->body = std::string(bytes, 'x');
  return manifest;
}

TEST(ManifestCacheTest, KeepsTheMostRecentlyUsedUpToItsSize) {
  ManifestCache cache(100);
  const auto a = Manifest("a", 40);
  const auto b = Manifest("b", 40);
  cache.Put(a);
  cache.Put(b);
  cache.Put(b);
  EXPECT_EQ(cache.Find(a->digest), a);
  cache.Put(Manifest("c", 40));
  EXPECT_EQ(cache.Find(a->digest), a);
  EXPECT_EQ(cache.Find(b->digest), nullptr);
  EXPECT_NE(cache.Find(Sha256Digest("c")), nullptr);
}

TEST(ManifestCacheTest, DoesNotKeepAGiant) {
  ManifestCache cache(1 << 30);
  const auto giant = Manifest("giant", ManifestCache::kMaxManifestBytes + 1);
  cache.Put(giant);
  EXPECT_EQ(cache.Find(giant->digest), nullptr);
}

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
