// Both backends against the real registry, configured as Harbor configures it: basic auth over
// plain HTTP.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/backend/registry/registry_blob_backend.h"
#include "kraken/backend/registry/registry_tag_backend.h"
#include "kraken/backend/testing_backend.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/url.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/registry_client.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::backend {
namespace {

using registry::testing::DigestOf;
using registry::testing::DockerRegistry;
using registry::testing::HarborRegistryCredentials;
using registry::testing::RegistryPusher;
using registry::testing::ScriptedServer;
using ::testing::AllOf;
using ::testing::HasSubstr;

class RegistryBackendsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto started = DockerRegistry::Start({.directory = MakeTestDir(), .basic_auth = true});
    ASSERT_OK(started);
    registry_ = started->release();
  }
  static void TearDownTestSuite() {
    delete registry_;
    registry_ = nullptr;
  }

  std::shared_ptr<registry::RegistryClient> Client(const net::Url& url) {
    registry::RegistryClientOptions options;
    options.registry = url;
    options.credentials = HarborRegistryCredentials();
    options.retry.initial_interval = absl::Milliseconds(1);
    return std::make_shared<registry::RegistryClient>(std::move(options), &http_,
                                                      &SystemClock::Get(), &bits_);
  }
  RegistryPusher Pusher() {
    return RegistryPusher(&http_, registry_->url(), HarborRegistryCredentials());
  }

  static DockerRegistry* registry_;
  const Namespace namespace_ = *Namespace::Parse("library/debian");
  const RepositoryName repository_ = *RepositoryName::Parse("library/debian");
  SystemBitGen bits_;
  net::BlockingHttpClient http_{net::HttpClientOptions()};
  registry::Cancellation cancellation_;
};

DockerRegistry* RegistryBackendsTest::registry_ = nullptr;

TEST_F(RegistryBackendsTest, ServesBlobs) {
  RegistryBlobBackend backend(Client(registry_->url()));
  const std::string content(300000, 'b');
  ASSERT_OK_AND_ASSIGN(const Digest digest, Pusher().PushBlob(repository_, content));
  EXPECT_THAT(backend.StatBlob(namespace_, digest, cancellation_), IsOkAndHolds(ByteCount(300000)));
  StringSink sink;
  ASSERT_OK(backend.DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.content, content);
  StringSink rest;
  ASSERT_OK(backend.DownloadBlob(namespace_, digest, ByteOffset(299990), rest, cancellation_));
  EXPECT_EQ(rest.content, content.substr(299990));
  StringSink part;
  part.wanted_end = ByteOffset(299995);
  ASSERT_OK(backend.DownloadBlob(namespace_, digest, ByteOffset(299990), part, cancellation_));
  EXPECT_EQ(part.content, content.substr(299990, 5));
}

TEST_F(RegistryBackendsTest, HostOfANamespaceIsNotPartOfTheRepository) {
  RegistryBlobBackend backend(Client(registry_->url()));
  ASSERT_OK_AND_ASSIGN(const Digest digest, Pusher().PushBlob(repository_, "with a host"));
  EXPECT_OK(backend.StatBlob(*Namespace::Parse("harbor.example.com/library/debian"), digest,
                             cancellation_));
}

// Kraken asks /manifests/ without an Accept field, so that no OCI image can be fetched from Harbor.
TEST_F(RegistryBackendsTest, ManifestsOfAllKindsAreBlobsToo) {
  RegistryBlobBackend backend(Client(registry_->url()));
  RegistryPusher pusher = Pusher();
  ASSERT_OK_AND_ASSIGN(const Digest config, pusher.PushBlob(repository_, "{}"));
  std::vector<std::pair<std::string, std::string>> manifests;
  for (absl::string_view type : {registry::kDockerManifestType, registry::kOciManifestType}) {
    manifests.emplace_back(
        type, absl::StrCat(R"({"schemaVersion":2,"mediaType":")", type,
                           R"(","config":{"mediaType":"application/json","size":2,"digest":")",
                           config.ToString(), R"("},"layers":[]})"));
  }
  for (absl::string_view type : {registry::kDockerManifestListType, registry::kOciIndexType}) {
    manifests.emplace_back(
        type, absl::StrCat(R"({"schemaVersion":2,"mediaType":")", type, R"(","manifests":[]})"));
  }
  for (const auto& [type, body] : manifests) {
    ASSERT_OK_AND_ASSIGN(const Digest digest, pusher.PushManifest(repository_, "", type, body));
    EXPECT_THAT(backend.StatBlob(namespace_, digest, cancellation_),
                IsOkAndHolds(ByteCount(static_cast<int64_t>(body.size()))))
        << type;
    StringSink sink;
    ASSERT_OK(backend.DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_)) << type;
    EXPECT_EQ(sink.begun, 1);
    EXPECT_EQ(sink.size, ByteCount(static_cast<int64_t>(body.size())));
    EXPECT_EQ(sink.content, body);
    StringSink rest;
    ASSERT_OK(backend.DownloadBlob(namespace_, digest, ByteOffset(10), rest, cancellation_));
    EXPECT_EQ(rest.content, body.substr(10));
    StringSink behind;
    EXPECT_THAT(backend.DownloadBlob(namespace_, digest, ByteOffset(1000), behind, cancellation_),
                StatusIs(absl::StatusCode::kOutOfRange));
  }
}

TEST_F(RegistryBackendsTest, MissingBlobIsNotFoundAndNamed) {
  RegistryBlobBackend backend(Client(registry_->url()));
  const Digest digest = DigestOf("missing");
  const auto names_it =
      AllOf(HasSubstr("blob"), HasSubstr(digest.ToString()), HasSubstr(registry_->address()));
  EXPECT_THAT(backend.StatBlob(namespace_, digest, cancellation_),
              StatusIs(absl::StatusCode::kNotFound, names_it));
  StringSink sink;
  EXPECT_THAT(backend.DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kNotFound, names_it));
  EXPECT_EQ(sink.begun, 0);
}

TEST_F(RegistryBackendsTest, NamespaceThatIsNoRepositoryIsRefused) {
  RegistryBlobBackend backend(Client(registry_->url()));
  EXPECT_THAT(backend.StatBlob(*Namespace::Parse("TODO"), DigestOf("x"), cancellation_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(RegistryBackendsTest, ResolvesTagsAnewEachTime) {
  RegistryTagBackend backend(Client(registry_->url()));
  RegistryPusher pusher = Pusher();
  const Tag tag = *Tag::Parse("latest");
  for (const char* annotation : {"1", "2"}) {
    ASSERT_OK_AND_ASSIGN(
        const Digest digest,
        pusher.PushManifest(repository_, "latest", registry::kOciIndexType,
                            absl::StrCat(R"({"schemaVersion":2,"manifests":[],)",
                                         R"("annotations":{"n":")", annotation, R"("}})")));
    EXPECT_THAT(backend.ResolveTag(namespace_, tag, cancellation_), IsOkAndHolds(digest));
  }
  EXPECT_THAT(backend.ResolveTag(namespace_, *Tag::Parse("none"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("library/debian:none")));
}

TEST_F(RegistryBackendsTest, EachHoldsItsOwnThingsOnly) {
  RegistryTagBackend tags(Client(registry_->url()));
  RegistryBlobBackend blobs(Client(registry_->url()));
  StringSink sink;
  EXPECT_THAT(tags.StatBlob(namespace_, DigestOf("x"), cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(registry_->address())));
  EXPECT_THAT(tags.DownloadBlob(namespace_, DigestOf("x"), ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(blobs.ResolveTag(namespace_, *Tag::Parse("latest"), cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(RegistryBackendsTest, AreReadyWhenTheRegistryLetsThemIn) {
  EXPECT_OK(RegistryBlobBackend(Client(registry_->url())).CheckReady(cancellation_));
  EXPECT_OK(RegistryTagBackend(Client(registry_->url())).CheckReady(cancellation_));
  const net::Url nobody = *net::Url::Parse("http://127.0.0.1:1/");
  EXPECT_THAT(RegistryBlobBackend(Client(nobody)).CheckReady(cancellation_),
              StatusIs(absl::StatusCode::kUnavailable));
}

// Harbor-core forbids the manifests of vulnerable images with 412: that is no "not found".
TEST_F(RegistryBackendsTest, PolicyOfTheRegistryIsPassedOn) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    if (exchange->path().find("/blobs/") != absl::string_view::npos) {
      return exchange->Respond(404, {}, "");
    }
    exchange->Respond(412, {}, R"({"errors":[{"code":"PROJECTPOLICYVIOLATION"}]})");
  });
  RegistryBlobBackend backend(Client(server.url()));
  StringSink sink;
  EXPECT_THAT(
      backend.DownloadBlob(namespace_, DigestOf("x"), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("412 PROJECTPOLICYVIOLATION")));
}

// The blob vanishes between two tries: what has begun as a blob must not go on as a manifest.
TEST_F(RegistryBackendsTest, BlobThatVanishesHalfWayIsNotLookedForElsewhere) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int index) {
    if (index > 0) return exchange->Respond(404, {}, "");
    exchange->Respond(206, {{"Content-Range", "bytes 0-4/10"}}, "01234");
  });
  RegistryBlobBackend backend(Client(server.url()));
  StringSink sink;
  EXPECT_THAT(backend.DownloadBlob(namespace_, DigestOf("x"), ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(sink.begun, 1);
  EXPECT_EQ(server.requests().size(), 2u);
}

}  // namespace
}  // namespace kraken::backend
