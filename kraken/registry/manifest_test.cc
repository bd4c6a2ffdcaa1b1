#include "kraken/registry/manifest.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Property;

std::string DigestText(int n) { return absl::StrFormat("sha256:%064x", n); }

std::string BlobJson(int n, int64_t size, absl::string_view media_type = "application/x") {
  return absl::StrFormat(R"({"mediaType":"%s","size":%d,"digest":"%s"})", media_type, size,
                         DigestText(n));
}

std::string ChildJson(int n, absl::string_view os, absl::string_view architecture) {
  return absl::StrFormat(
      R"({"mediaType":"%s","size":7,"digest":"%s","platform":{"os":"%s","architecture":"%s"}})",
      kOciManifestType, DigestText(n), os, architecture);
}

std::string ImageJson(absl::string_view media_type_member) {
  return absl::StrCat(R"({"schemaVersion":2,)", media_type_member, R"("config":)", BlobJson(1, 10),
                      R"(,"layers":[)", BlobJson(2, 20), ",", BlobJson(3, 0), "]}");
}

std::string IndexJson(absl::string_view media_type_member) {
  return absl::StrCat(R"({"schemaVersion":2,)", media_type_member, R"("manifests":[)",
                      ChildJson(4, "linux", "amd64"), ",", ChildJson(5, "linux", "arm64"), "]}");
}

std::string TypeMember(absl::string_view media_type) {
  return absl::StrCat(R"("mediaType":")", media_type, R"(",)");
}

auto HasDigest(int n) {
  return Field(&Descriptor::digest, Property(&Digest::ToString, DigestText(n)));
}

TEST(ManifestTest, ReadsBothKindsOfImageManifest) {
  for (absl::string_view type : {kDockerManifestType, kOciManifestType}) {
    ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(ImageJson(TypeMember(type))));
    EXPECT_EQ(manifest.media_type(), type);
    EXPECT_FALSE(manifest.is_index());
    ASSERT_TRUE(manifest.config().has_value());
    EXPECT_EQ(manifest.config()->size, ByteCount(10));
    EXPECT_THAT(manifest.layers(), ElementsAre(HasDigest(2), HasDigest(3)));
    EXPECT_THAT(manifest.References(), ElementsAre(HasDigest(1), HasDigest(2), HasDigest(3)));
  }
}

TEST(ManifestTest, ReadsBothKindsOfIndex) {
  for (absl::string_view type : {kDockerManifestListType, kOciIndexType}) {
    ASSERT_OK_AND_ASSIGN(const Manifest index, Manifest::Parse(IndexJson(TypeMember(type))));
    EXPECT_EQ(index.media_type(), type);
    EXPECT_TRUE(index.is_index());
    EXPECT_THAT(index.References(), ElementsAre(HasDigest(4), HasDigest(5)));
    ASSERT_TRUE(index.manifests()[1].platform.has_value());
    EXPECT_EQ(index.manifests()[1].platform->ToString(), "linux/arm64");
  }
}

TEST(ManifestTest, WithoutMediaTypeTheContentDecides) {
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(ImageJson("")));
  EXPECT_EQ(manifest.kind(), ManifestKind::kOciManifest);
  ASSERT_OK_AND_ASSIGN(const Manifest index, Manifest::Parse(IndexJson("")));
  EXPECT_EQ(index.kind(), ManifestKind::kOciIndex);
}

TEST(ManifestTest, EmptyIndexIsAnIndex) {
  ASSERT_OK_AND_ASSIGN(const Manifest index,
                       Manifest::Parse(R"({"schemaVersion":2,"manifests":[]})"));
  EXPECT_TRUE(index.is_index());
  EXPECT_THAT(index.References(), IsEmpty());
}

TEST(ManifestTest, NoLayersAsGoWritesThem) {
  const std::string body =
      absl::StrCat(R"({"schemaVersion":2,"config":)", BlobJson(1, 2), R"(,"layers":null})");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(body));
  EXPECT_THAT(manifest.References(), ElementsAre(HasDigest(1)));
}

TEST(ManifestTest, ReadsSubjectAndArtifactType) {
  const std::string body =
      absl::StrCat(R"({"schemaVersion":2,"artifactType":"application/sbom","config":)",
                   BlobJson(1, 2), R"(,"layers":[],"subject":)", BlobJson(9, 5), "}");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(body));
  EXPECT_EQ(manifest.artifact_type(), "application/sbom");
  ASSERT_TRUE(manifest.subject().has_value());
  EXPECT_THAT(*manifest.subject(), HasDigest(9));
  EXPECT_THAT(manifest.References(), ElementsAre(HasDigest(1)));
}

TEST(ManifestTest, KeepsUrlsOfForeignLayers) {
  const std::string body = absl::StrCat(
      R"({"schemaVersion":2,"config":)", BlobJson(1, 2), R"(,"layers":[{"mediaType":)",
      R"("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","size":3,"digest":")",
      DigestText(2), R"(","urls":["https://example.com/layer"]}]})");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, Manifest::Parse(body));
  EXPECT_THAT(manifest.layers()[0].urls, ElementsAre("https://example.com/layer"));
  EXPECT_TRUE(IsNonDistributable(manifest.layers()[0].media_type));
}

// CVE-2021-41190: such a document is a harmless image to a scanner and another to a runtime.
TEST(ManifestTest, RefusesDocumentsOfTwoMeanings) {
  const std::string both =
      absl::StrCat(R"("config":)", BlobJson(1, 1), R"(,"layers":[],"manifests":[]})");
  for (absl::string_view type :
       {kDockerManifestType, kDockerManifestListType, kOciManifestType, kOciIndexType}) {
    EXPECT_THAT(Manifest::Parse(absl::StrCat(R"({"schemaVersion":2,)", TypeMember(type), both)),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(Manifest::Parse(absl::StrCat(R"({"schemaVersion":2,)", both)),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ManifestTest, RefusesOtherSchemas) {
  EXPECT_THAT(Manifest::Parse(R"({"schemaVersion":1,"name":"a","fsLayers":[]})"),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("schema 1")));
  EXPECT_THAT(Manifest::Parse(
                  ImageJson(TypeMember("application/vnd.docker.distribution.manifest.v1+json"))),
              StatusIs(absl::StatusCode::kUnimplemented));
  for (const char* version : {"3", "\"2\"", "2.5", "null", "true"}) {
    EXPECT_THAT(Manifest::Parse(absl::StrFormat(R"({"schemaVersion":%s,"manifests":[]})", version)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("schemaVersion")))
        << version;
  }
}

TEST(ManifestTest, RefusesUnknownMediaTypes) {
  EXPECT_THAT(Manifest::Parse(ImageJson(TypeMember("application/json"))),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("application/json")));
  EXPECT_THAT(Manifest::Parse(ImageJson(R"("mediaType":7,)")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("mediaType")));
}

TEST(ManifestTest, RefusesWhatIsNoManifest) {
  for (const char* body : {"", "[]", "null", "2", "{", R"({"schemaVersion":2})",
                           R"({"schemaVersion":2,"manifests":{}})"}) {
    EXPECT_THAT(Manifest::Parse(body), StatusIs(absl::StatusCode::kInvalidArgument)) << body;
  }
}

TEST(ManifestTest, ErrorsNameTheDescriptor) {
  const std::string bad = R"({"size":-1,"digest":")" + DigestText(3) + R"("})";
  const std::string body = absl::StrCat(R"({"schemaVersion":2,"config":)", BlobJson(1, 1),
                                        R"(,"layers":[)", BlobJson(2, 2), ",", bad, "]}");
  EXPECT_THAT(Manifest::Parse(body),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("layers[1]"), HasSubstr("negative"))));
}

TEST(ManifestTest, RefusesTooLongDocuments) {
  EXPECT_THAT(Manifest::Parse(std::string(kMaxManifestBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ManifestTest, RefusesTooManyDescriptors) {
  const std::vector<std::string> children(kMaxDescriptors + 1, BlobJson(1, 1));
  EXPECT_THAT(Manifest::Parse(absl::StrCat(R"({"schemaVersion":2,"manifests":[)",
                                           absl::StrJoin(children, ","), "]}")),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

TEST(ManifestTest, RefusesDeepNesting) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  EXPECT_THAT(Manifest::Parse(absl::StrCat(R"({"schemaVersion":2,"x":)", deep, "}")),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

struct BadDescriptor {
  std::string json;
  absl::StatusCode code = absl::StatusCode::kInvalidArgument;
};

TEST(DescriptorTest, RefusesBadMembers) {
  const std::string digest = absl::StrCat(R"("digest":")", DigestText(1), R"(")");
  const BadDescriptor cases[] = {
      {"7"},
      {R"({"size":1})"},
      {R"({"size":1,"digest":null})"},
      {R"({"size":1,"digest":"sha256:12"})"},
      {R"({"size":1,"digest":"12"})"},
      {absl::StrCat(R"({"size":1,"digest":"sha512:)", std::string(128, 'a'), R"("})"),
       absl::StatusCode::kUnimplemented},
      {"{" + digest + "}"},
      {R"({"size":1.5,)" + digest + "}"},
      {R"({"size":"1",)" + digest + "}"},
      {R"({"size":18446744073709551615,)" + digest + "}"},
      {R"({"size":1,"mediaType":1,)" + digest + "}"},
      {R"({"size":1,"platform":"linux",)" + digest + "}"},
      {R"({"size":1,"platform":{"os":1},)" + digest + "}"},
      {R"({"size":1,"urls":"x",)" + digest + "}"},
      {R"({"size":1,"urls":[1],)" + digest + "}"},
  };
  for (const BadDescriptor& bad : cases) {
    const std::string body = absl::StrCat(R"({"schemaVersion":2,"manifests":[)", bad.json, "]}");
    EXPECT_THAT(Manifest::Parse(body), StatusIs(bad.code, HasSubstr("manifests[0]"))) << bad.json;
  }
}

TEST(SelectPlatformsTest, PicksWantedOnesInOrder) {
  ASSERT_OK_AND_ASSIGN(const Manifest index, Manifest::Parse(IndexJson("")));
  const Platform arm64{.os = "linux", .architecture = "arm64"};
  const Platform amd64{.os = "linux", .architecture = "amd64"};
  EXPECT_THAT(SelectPlatforms(index.manifests(), {arm64}), ElementsAre(HasDigest(5)));
  EXPECT_THAT(SelectPlatforms(index.manifests(), {arm64, amd64}),
              ElementsAre(HasDigest(4), HasDigest(5)));
  EXPECT_THAT(SelectPlatforms(index.manifests(), {}), ElementsAre(HasDigest(4), HasDigest(5)));
}

TEST(SelectPlatformsTest, ManifestsWithoutPlatformAreAlwaysPicked) {
  const std::string body =
      absl::StrCat(R"({"schemaVersion":2,"manifests":[)", ChildJson(1, "linux", "s390x"), ",",
                   BlobJson(2, 1, kOciIndexType), "]}");
  ASSERT_OK_AND_ASSIGN(const Manifest index, Manifest::Parse(body));
  EXPECT_THAT(SelectPlatforms(index.manifests(), {{.os = "linux", .architecture = "amd64"}}),
              ElementsAre(HasDigest(2)));
}

}  // namespace
}  // namespace kraken::registry
