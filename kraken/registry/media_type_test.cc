#include "kraken/registry/media_type.h"

#include <string>

#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::registry {
namespace {

using ::testing::UnorderedElementsAre;

TEST(MediaTypeTest, EachKindIsFoundByItsType) {
  for (ManifestKind kind : {ManifestKind::kDockerManifest, ManifestKind::kDockerManifestList,
                            ManifestKind::kOciManifest, ManifestKind::kOciIndex}) {
    EXPECT_EQ(ManifestKindOf(MediaTypeOf(kind)), kind);
  }
}

TEST(MediaTypeTest, ParametersAndCaseDoNotMatter) {
  EXPECT_EQ(ManifestKindOf("Application/VND.oci.image.index.v1+JSON ; charset=utf-8"),
            ManifestKind::kOciIndex);
}

TEST(MediaTypeTest, OtherTypesAreNoManifests) {
  for (const char* type : {"", ";", "application/json", "application/octet-stream",
                           "application/vnd.docker.distribution.manifest.v1+json",
                           "application/vnd.oci.image.manifest.v1+json2"}) {
    EXPECT_FALSE(ManifestKindOf(type).has_value()) << type;
  }
}

TEST(MediaTypeTest, OnlyListsAndIndexesAreIndexes) {
  EXPECT_TRUE(IsIndexKind(ManifestKind::kDockerManifestList));
  EXPECT_TRUE(IsIndexKind(ManifestKind::kOciIndex));
  EXPECT_FALSE(IsIndexKind(ManifestKind::kDockerManifest));
  EXPECT_FALSE(IsIndexKind(ManifestKind::kOciManifest));
}

TEST(MediaTypeTest, AcceptNamesAllFourTypes) {
  const std::vector<std::string> accepted = absl::StrSplit(kManifestAccept, ", ");
  EXPECT_THAT(accepted, UnorderedElementsAre(kDockerManifestType, kDockerManifestListType,
                                             kOciManifestType, kOciIndexType));
}

TEST(MediaTypeTest, KnowsSchema1) {
  EXPECT_TRUE(IsDockerSchema1("application/vnd.docker.distribution.manifest.v1+prettyjws"));
  EXPECT_FALSE(IsDockerSchema1(kDockerManifestType));
}

TEST(MediaTypeTest, KnowsNonDistributableLayers) {
  EXPECT_TRUE(IsNonDistributable("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"));
  EXPECT_TRUE(IsNonDistributable("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"));
  EXPECT_FALSE(IsNonDistributable("application/vnd.oci.image.layer.v1.tar+gzip"));
}

}  // namespace
}  // namespace kraken::registry
