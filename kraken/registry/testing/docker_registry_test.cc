#include "kraken/registry/testing/docker_registry.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/registry/media_type.h"

namespace kraken::registry::testing {
namespace {

using ::testing::Contains;
using ::testing::Field;

TEST(DockerRegistryTest, TakesPushesAndLogsThem) {
  net::BlockingHttpClient http{net::HttpClientOptions()};
  ASSERT_OK_AND_ASSIGN(const auto registry,
                       DockerRegistry::Start({.directory = MakeTestDir(), .basic_auth = true}));
  ASSERT_OK_AND_ASSIGN(const RepositoryName repository, RepositoryName::Parse("library/debian"));
  RegistryPusher pusher(&http, registry->url(), HarborRegistryCredentials());
  ASSERT_OK(pusher.PushBlob(repository, "content"));
  ASSERT_OK(pusher.PushManifest(repository, "latest", kOciIndexType,
                                R"({"schemaVersion":2,"manifests":[]})"));
  registry->Stop();
  EXPECT_THAT(registry->AccessLog(),
              Contains(Field(&AccessLogEntry::target, "/v2/library/debian/manifests/latest")));
}

TEST(DockerRegistryTest, FindsItsOldContent) {
  net::BlockingHttpClient http{net::HttpClientOptions()};
  ASSERT_OK_AND_ASSIGN(const RepositoryName repository, RepositoryName::Parse("a/b"));
  const DockerRegistryOptions options = {.directory = MakeTestDir()};
  ASSERT_OK_AND_ASSIGN(auto registry, DockerRegistry::Start(options));
  RegistryPusher pusher(&http, registry->url());
  ASSERT_OK_AND_ASSIGN(const Digest digest, pusher.PushBlob(repository, "content"));
  registry.reset();
  ASSERT_OK_AND_ASSIGN(registry, DockerRegistry::Start(options));
  net::HttpClientRequest request;
  request.url = registry->url();
  request.url.target = "/v2/a/b/blobs/" + digest.ToString();
  ASSERT_OK_AND_ASSIGN(const net::HttpResponse response, http.Fetch(request));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "content");
}

}  // namespace
}  // namespace kraken::registry::testing
