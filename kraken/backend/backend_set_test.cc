#include "kraken/backend/backend_set.h"

#include <re2/re2.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/backend_config.h"
#include "kraken/backend/testing_backend.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/tls_context.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/self_signed.h"

namespace kraken::backend {
namespace {

using registry::testing::DockerRegistry;
using registry::testing::DockerRegistryOptions;
using registry::testing::HarborRegistryCredentials;
using registry::testing::RegistryPusher;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kIndex[] = R"({"schemaVersion":2,"manifests":[]})";

RegistryConfig Registry(const std::string& address) {
  RegistryConfig config;
  config.address = address;
  config.credentials = HarborRegistryCredentials();
  config.tls.client.disabled = true;
  return config;
}

BackendEntryConfig Entry(absl::string_view pattern) {
  BackendEntryConfig entry;
  entry.pattern = std::make_shared<const re2::RE2>(std::string(pattern));
  return entry;
}

class BackendSetTest : public ::testing::Test {
 protected:
  std::unique_ptr<DockerRegistry> StartRegistry(DockerRegistryOptions options) {
    options.basic_auth = true;
    auto registry = DockerRegistry::Start(options);
    EXPECT_OK(registry);
    return registry.ok() ? *std::move(registry) : nullptr;
  }

  const Namespace namespace_ = *Namespace::Parse("library/debian");
  const RepositoryName repository_ = *RepositoryName::Parse("library/debian");
  registry::Cancellation cancellation_;
};

TEST_F(BackendSetTest, RoutesToTwoRegistriesByNamespace) {
  const auto first = StartRegistry({.directory = MakeTestDir()});
  const auto second = StartRegistry({.directory = MakeTestDir()});
  ASSERT_TRUE(first != nullptr && second != nullptr);
  net::BlockingHttpClient http{net::HttpClientOptions()};
  const RepositoryName team_b = *RepositoryName::Parse("team-b/app");
  RegistryPusher to_first(&http, first->url(), HarborRegistryCredentials());
  RegistryPusher to_second(&http, second->url(), HarborRegistryCredentials());
  ASSERT_OK_AND_ASSIGN(const Digest in_first, to_first.PushBlob(repository_, "first"));
  ASSERT_OK_AND_ASSIGN(const Digest in_second, to_second.PushBlob(team_b, "second"));

  std::vector<BackendEntryConfig> configs = {Entry("^team-b/.*"), Entry(".*")};
  configs[0].registry_blob = Registry(second->address());
  configs[1].registry_blob = Registry(first->address());
  ASSERT_OK_AND_ASSIGN(const auto set, BackendSet::Create(configs));
  const auto stat = [&](absl::string_view ns, const Digest& digest) {
    auto backend = set->router().Find(*Namespace::Parse(ns));
    EXPECT_OK(backend);
    return (*backend)->StatBlob(*Namespace::Parse(ns), digest, cancellation_);
  };
  EXPECT_THAT(stat("library/debian", in_first), IsOkAndHolds(ByteCount(5)));
  EXPECT_THAT(stat("team-b/app", in_second), IsOkAndHolds(ByteCount(6)));
  EXPECT_THAT(stat("team-b/app", in_first), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(BackendSetTest, ResolvesTags) {
  const auto registry = StartRegistry({.directory = MakeTestDir()});
  ASSERT_NE(registry, nullptr);
  net::BlockingHttpClient http{net::HttpClientOptions()};
  RegistryPusher pusher(&http, registry->url(), HarborRegistryCredentials());
  ASSERT_OK_AND_ASSIGN(const Digest digest,
                       pusher.PushManifest(repository_, "latest", registry::kOciIndexType, kIndex));
  std::vector<BackendEntryConfig> configs = {Entry(".*")};
  configs[0].registry_tag = Registry(registry->address());
  configs[0].must_ready = true;
  ASSERT_OK_AND_ASSIGN(const auto set, BackendSet::Create(configs));
  EXPECT_THAT(set->ResolveTag(namespace_, *Tag::Parse("latest")), IsOkAndHolds(digest));
}

TEST_F(BackendSetTest, SpeaksTlsWithAPrivateAuthority) {
  const std::string directory = MakeTestDir();
  const registry::testing::SelfSigned identity;
  WriteTestFile(directory + "/tls.crt", identity.CertificatePem());
  WriteTestFile(directory + "/tls.key", identity.KeyPem());
  const auto registry = StartRegistry({.directory = directory + "/registry",
                                       .tls_certificate_file = directory + "/tls.crt",
                                       .tls_key_file = directory + "/tls.key"});
  ASSERT_NE(registry, nullptr);
  std::vector<BackendEntryConfig> configs = {Entry(".*")};
  configs[0].registry_blob = Registry(registry->address());
  configs[0].registry_blob->tls.client.disabled = false;
  configs[0].registry_blob->tls.cas = {{.path = directory + "/tls.crt"}};
  configs[0].must_ready = true;
  EXPECT_OK(BackendSet::Create(configs));
  // Without the authority the registry is a stranger.
  configs[0].registry_blob->tls.cas.clear();
  EXPECT_THAT(BackendSet::Create(configs),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(registry->address())));
}

TEST_F(BackendSetTest, MustReadyIsAsked) {
  std::vector<BackendEntryConfig> configs = {Entry(".*")};
  configs[0].registry_blob = Registry("127.0.0.1:1");
  EXPECT_OK(BackendSet::Create(configs));
  configs[0].must_ready = true;
  EXPECT_THAT(BackendSet::Create(configs),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("must be ready"), HasSubstr("127.0.0.1:1"),
                             Not(HasSubstr(HarborRegistryCredentials().password)))));
}

TEST_F(BackendSetTest, ConfigurationErrorsAreClear) {
  EXPECT_THAT(BackendSet::Create({}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("backends")));
  std::vector<BackendEntryConfig> configs = {Entry(".*")};
  configs[0].registry_blob = Registry("not an address");
  EXPECT_THAT(BackendSet::Create(configs),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not an address")));
  configs[0].registry_blob = Registry("127.0.0.1:1");
  configs[0].registry_blob->tls.client.disabled = false;
  configs[0].registry_blob->tls.cas = {{.path = "/no/such/ca"}};
  EXPECT_THAT(BackendSet::Create(configs), Not(IsOk()));
  configs[0].registry_blob.reset();
  configs[0].file = FileConfig{.root_directory = "/no/such/folder"};
  EXPECT_THAT(BackendSet::Create(configs),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("/no/such/folder")));
}

TEST_F(BackendSetTest, NamespaceWithoutBackendIsAnError) {
  std::vector<BackendEntryConfig> configs = {Entry("^team-b/.*")};
  configs[0].file = FileConfig{.root_directory = MakeTestDir()};
  ASSERT_OK_AND_ASSIGN(const auto set, BackendSet::Create(configs));
  EXPECT_THAT(set->ResolveTag(namespace_, *Tag::Parse("latest")),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("^team-b/.*")));
}

TEST_F(BackendSetTest, ShutdownEndsEverything) {
  const auto registry = StartRegistry({.directory = MakeTestDir()});
  ASSERT_NE(registry, nullptr);
  std::vector<BackendEntryConfig> configs = {Entry(".*")};
  configs[0].registry_tag = Registry(registry->address());
  ASSERT_OK_AND_ASSIGN(const auto set, BackendSet::Create(configs));
  set->Shutdown();
  EXPECT_THAT(set->ResolveTag(namespace_, *Tag::Parse("latest")),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace kraken::backend
