#include "kraken/registry/registry_paths.h"

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kraken::registry {
namespace {

const std::string kDigest = absl::StrCat("sha256:", std::string(64, 'a'));

RegistryRequest Parse(absl::string_view path, absl::string_view method = "GET",
                      RegistryMode mode = RegistryMode::kReadOnly) {
  const auto parsed = ParseRegistryPath(method, path, mode);
  const auto* request = std::get_if<RegistryRequest>(&parsed);
  EXPECT_NE(request, nullptr) << method << " " << path << ": "
                              << std::get<RegistryRefusal>(parsed).reply.error.message;
  return request == nullptr ? RegistryRequest{} : *request;
}

RegistryRefusal Refuse(absl::string_view path, absl::string_view method = "GET",
                       RegistryMode mode = RegistryMode::kReadOnly) {
  const auto parsed = ParseRegistryPath(method, path, mode);
  const auto* refusal = std::get_if<RegistryRefusal>(&parsed);
  EXPECT_NE(refusal, nullptr) << method << " " << path;
  return refusal == nullptr ? RegistryRefusal{} : *refusal;
}

TEST(RegistryPathsTest, Base) {
  EXPECT_EQ(Parse("/v2/").endpoint, Endpoint::kBase);
  EXPECT_EQ(Parse("/v2").endpoint, Endpoint::kBase);
  EXPECT_EQ(Parse("/v2/_catalog").endpoint, Endpoint::kCatalog);
}

TEST(RegistryPathsTest, ManifestByTagAndByDigest) {
  const RegistryRequest by_tag = Parse("/v2/library/debian/manifests/latest");
  EXPECT_EQ(by_tag.endpoint, Endpoint::kManifest);
  EXPECT_EQ(by_tag.repository->ToString(), "library/debian");
  ASSERT_TRUE(by_tag.reference->is_tag());
  EXPECT_EQ(by_tag.reference->tag()->ToString(), "latest");

  const RegistryRequest by_digest = Parse(absl::StrCat("/v2/debian/manifests/", kDigest), "HEAD");
  ASSERT_TRUE(by_digest.reference->is_digest());
  EXPECT_EQ(by_digest.reference->digest()->ToString(), kDigest);
}

TEST(RegistryPathsTest, Blob) {
  const RegistryRequest request = Parse(absl::StrCat("/v2/a/b/c/blobs/", kDigest));
  EXPECT_EQ(request.endpoint, Endpoint::kBlob);
  EXPECT_EQ(request.repository->ToString(), "a/b/c");
  EXPECT_EQ(request.digest->ToString(), kDigest);
}

TEST(RegistryPathsTest, TagsAndReferrers) {
  EXPECT_EQ(Parse("/v2/a/b/tags/list").endpoint, Endpoint::kTagsList);
  const RegistryRequest referrers = Parse(absl::StrCat("/v2/a/referrers/", kDigest));
  EXPECT_EQ(referrers.endpoint, Endpoint::kReferrers);
  EXPECT_EQ(referrers.digest->ToString(), kDigest);
}

TEST(RegistryPathsTest, Uploads) {
  constexpr auto kReadWrite = RegistryMode::kReadWrite;
  EXPECT_EQ(Parse("/v2/a/blobs/uploads/", "POST", kReadWrite).endpoint, Endpoint::kUploadStart);
  EXPECT_EQ(Parse("/v2/a/blobs/uploads", "POST", kReadWrite).endpoint, Endpoint::kUploadStart);
  const RegistryRequest upload = Parse("/v2/a/blobs/uploads/12-ab_c=", "PATCH", kReadWrite);
  EXPECT_EQ(upload.endpoint, Endpoint::kUpload);
  EXPECT_EQ(upload.upload_id, "12-ab_c=");
  EXPECT_EQ(Refuse("/v2/a/blobs/uploads/..%2Fx", "PATCH", kReadWrite).reply.http_status, 404);
}

TEST(RegistryPathsTest, RepositoriesMayBeCalledLikeEndpoints) {
  EXPECT_EQ(Parse("/v2/a/manifests/b/manifests/latest").repository->ToString(), "a/manifests/b");
  EXPECT_EQ(Parse("/v2/blobs/uploads/manifests/latest").repository->ToString(), "blobs/uploads");
  EXPECT_EQ(Parse("/v2/tags/list/tags/list").repository->ToString(), "tags/list");
  EXPECT_EQ(Parse(absl::StrCat("/v2/manifests/blobs/", kDigest)).repository->ToString(),
            "manifests");
}

TEST(RegistryPathsTest, SegmentsAreDecodedOnce) {
  EXPECT_EQ(Parse("/v2/library%2Fdebian/manifests/latest").repository->ToString(),
            "library/debian");
  EXPECT_EQ(Parse("/v2/a/blobs/sha256%3A" + std::string(64, 'a')).digest->ToString(), kDigest);
  EXPECT_EQ(Refuse("/v2/library%252Fdebian/manifests/latest").reply.error.code, "NAME_INVALID");
}

TEST(RegistryPathsTest, OtherPathsAreNotFound) {
  for (const char* path : {"", "/", "/v1/", "/v22/", "v2/", "/v2/a", "/v2/a/b", "/v2/a/tags/all",
                           "/v2/a/b/c/d", "/v2/manifests/latest", "/v2/_catalog/"}) {
    EXPECT_EQ(Refuse(path).reply.http_status, 404) << path;
  }
}

TEST(RegistryPathsTest, InvalidPartsAreBadRequests) {
  struct Case {
    std::string path;
    const char* code;
  };
  const Case cases[] = {
      {"/v2/UPPER/manifests/latest", "NAME_INVALID"},
      {"/v2//manifests/latest", "NAME_INVALID"},
      {"/v2/a//b/manifests/latest", "NAME_INVALID"},
      {"/v2/../manifests/latest", "NAME_INVALID"},
      {"/v2/a/%2e%2e/b/manifests/latest", "NAME_INVALID"},
      {"/v2/" + std::string(300, 'a') + "/manifests/latest", "NAME_INVALID"},
      {"/v2/a%zz/manifests/latest", "NAME_INVALID"},
      {"/v2/a%00/manifests/latest", "NAME_INVALID"},
      {"/v2/a/manifests/", "TAG_INVALID"},
      {"/v2/a/manifests/-x", "TAG_INVALID"},
      {"/v2/a/manifests/b%2Fc", "TAG_INVALID"},
      {"/v2/a/manifests/" + std::string(129, 'a'), "TAG_INVALID"},
      {"/v2/a/manifests/sha256:12", "DIGEST_INVALID"},
      {"/v2/a/blobs/sha256:12", "DIGEST_INVALID"},
      {"/v2/a/blobs/latest", "DIGEST_INVALID"},
      {"/v2/a/blobs/", "DIGEST_INVALID"},
      {"/v2/a/referrers/x", "DIGEST_INVALID"},
  };
  for (const Case& c : cases) {
    const RegistryRefusal refusal = Refuse(c.path);
    EXPECT_EQ(refusal.reply.http_status, 400) << c.path;
    EXPECT_EQ(refusal.reply.error.code, c.code) << c.path;
  }
}

TEST(RegistryPathsTest, ReadOnlyRegistryRefusesWrites) {
  for (const char* method : {"PUT", "DELETE", "POST", "PATCH", "get", ""}) {
    const RegistryRefusal refusal = Refuse("/v2/a/manifests/latest", method);
    EXPECT_EQ(refusal.reply.http_status, 405) << method;
    EXPECT_EQ(refusal.reply.error.code, "UNSUPPORTED");
    EXPECT_EQ(refusal.allow, "GET, HEAD");
  }
  EXPECT_EQ(Refuse("/v2/a/blobs/uploads/", "POST").allow, "");
}

TEST(RegistryPathsTest, ReadWriteRegistryAllowsWhatTheSpecificationHas) {
  constexpr auto kReadWrite = RegistryMode::kReadWrite;
  EXPECT_EQ(Parse("/v2/a/manifests/latest", "PUT", kReadWrite).endpoint, Endpoint::kManifest);
  EXPECT_EQ(Parse(absl::StrCat("/v2/a/blobs/", kDigest), "DELETE", kReadWrite).endpoint,
            Endpoint::kBlob);
  EXPECT_EQ(Refuse(absl::StrCat("/v2/a/blobs/", kDigest), "PUT", kReadWrite).allow,
            "GET, HEAD, DELETE");
}

}  // namespace
}  // namespace kraken::registry
