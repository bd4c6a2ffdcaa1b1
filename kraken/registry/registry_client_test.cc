#include "kraken/registry/registry_client.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/scripted_server.h"
#include "kraken/registry/testing/self_signed.h"
#include "kraken/registry/testing/token_server.h"

namespace kraken::registry {
namespace {

using testing::AccessLogEntry;
using ::testing::AllOf;
using testing::DigestOf;
using testing::DockerRegistry;
using ::testing::ElementsAre;
using testing::HarborRegistryCredentials;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RegistryPusher;
using testing::ScriptedServer;
using testing::SelfSigned;
using ::testing::SizeIs;
using testing::TokenServer;

// Far more than any answer on this machine takes.
constexpr absl::Duration kTimeout = absl::Seconds(10);

RepositoryName Repository(absl::string_view name = "library/debian") {
  return *RepositoryName::Parse(name);
}
Reference TagRef(absl::string_view tag) { return Reference(*Tag::Parse(tag)); }

// Keeps what it is given.
class StringSink : public BlobSink {
 public:
  absl::Status Begin(absl::optional<ByteCount> blob_size) override {
    ++begun;
    size = blob_size;
    return begin_result;
  }
  absl::Status Write(absl::string_view data) override {
    content.append(data.data(), data.size());
    return on_write ? on_write() : absl::OkStatus();
  }

  int begun = 0;
  absl::optional<ByteCount> size;
  std::string content;
  absl::Status begin_result;
  std::function<absl::Status()> on_write;
};

// Bytes that differ everywhere.
std::string Noise(size_t size) {
  SeededBitGen bits(7);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>(bits.Uniform(256));
  return noise;
}

class RegistryClientTest : public ::testing::Test {
 protected:
  RegistryClientOptions Options(const net::Url& registry) {
    RegistryClientOptions options;
    options.registry = registry;
    options.timeout = kTimeout;
    options.retry.initial_interval = absl::Milliseconds(1);
    options.retry.max_interval = absl::Milliseconds(2);
    return options;
  }
  std::unique_ptr<RegistryClient> Client(RegistryClientOptions options) {
    return std::make_unique<RegistryClient>(std::move(options), &http_, &SystemClock::Get(),
                                            &bits_);
  }
  std::unique_ptr<RegistryClient> Client(const ScriptedServer& server) {
    return Client(Options(server.url()));
  }

  SystemBitGen bits_;
  net::BlockingHttpClient http_{net::HttpClientOptions()};
  Cancellation cancellation_;
};

// --- Against the real registry, configured as Harbor configures it ---

class RealRegistryTest : public RegistryClientTest {
 protected:
  void SetUp() override {
    auto registry = DockerRegistry::Start({.directory = MakeTestDir(), .basic_auth = true});
    ASSERT_OK(registry);
    registry_ = *std::move(registry);
    pusher_ =
        std::make_unique<RegistryPusher>(&http_, registry_->url(), HarborRegistryCredentials());
    RegistryClientOptions options = Options(registry_->url());
    options.credentials = HarborRegistryCredentials();
    client_ = Client(std::move(options));
  }

  Digest PushBlob(absl::string_view content) {
    auto digest = pusher_->PushBlob(Repository(), content);
    EXPECT_OK(digest);
    return *digest;
  }

  // A manifest that refers to blobs which are there, of the given type.
  std::string ImageManifest(absl::string_view media_type) {
    const Digest config = PushBlob("{}");
    const Digest layer = PushBlob("layer");
    return absl::StrCat(R"({"schemaVersion":2,"mediaType":")", media_type,
                        R"(","config":{"mediaType":"application/json","size":2,"digest":")",
                        config.ToString(),
                        R"("},"layers":[{"mediaType":"application/x","size":5,"digest":")",
                        layer.ToString(), R"("}]})");
  }

  std::unique_ptr<DockerRegistry> registry_;
  std::unique_ptr<RegistryPusher> pusher_;
  std::unique_ptr<RegistryClient> client_;
};

TEST_F(RealRegistryTest, ReadsAllFourKindsByTagAndByDigest) {
  for (absl::string_view media_type : {kDockerManifestType, kOciManifestType}) {
    const std::string image = ImageManifest(media_type);
    ASSERT_OK_AND_ASSIGN(const Digest child,
                         pusher_->PushManifest(Repository(), "image", media_type, image));
    const bool docker = media_type == kDockerManifestType;
    const std::string index = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", docker ? kDockerManifestListType : kOciIndexType,
        R"(","manifests":[{"mediaType":")", media_type, R"(","size":)", image.size(),
        R"(,"digest":")", child.ToString(),
        R"(","platform":{"os":"linux","architecture":"amd64"}}]})");
    ASSERT_OK(pusher_->PushManifest(Repository(), "index",
                                    docker ? kDockerManifestListType : kOciIndexType, index));
    for (const auto& [tag, body] : {std::make_pair("image", image), {"index", index}}) {
      ASSERT_OK_AND_ASSIGN(const FetchedManifest by_tag,
                           client_->GetManifest(Repository(), TagRef(tag), cancellation_));
      EXPECT_EQ(by_tag.body, body);
      EXPECT_EQ(by_tag.digest, DigestOf(body));
      ASSERT_OK_AND_ASSIGN(const Manifest parsed, Manifest::Parse(by_tag.body));
      EXPECT_EQ(parsed.media_type(), by_tag.media_type);
      ASSERT_OK_AND_ASSIGN(const FetchedManifest by_digest,
                           client_->GetManifest(Repository(), by_tag.digest, cancellation_));
      EXPECT_EQ(by_digest.body, body);
      ASSERT_OK_AND_ASSIGN(const ManifestInfo info,
                           client_->HeadManifest(Repository(), TagRef(tag), cancellation_));
      EXPECT_EQ(info.digest, by_tag.digest);
      EXPECT_EQ(info.size, ByteCount(static_cast<int64_t>(body.size())));
      EXPECT_EQ(info.media_type, by_tag.media_type);
    }
  }
}

TEST_F(RealRegistryTest, StreamsABlob) {
  const std::string content = Noise(3 << 20);
  const Digest digest = PushBlob(content);
  EXPECT_THAT(client_->HeadBlob(Repository(), digest, cancellation_),
              IsOkAndHolds(ByteCount(static_cast<int64_t>(content.size()))));
  StringSink sink;
  ASSERT_OK(client_->GetBlob(Repository(), digest, ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.begun, 1);
  EXPECT_EQ(sink.size, ByteCount(static_cast<int64_t>(content.size())));
  EXPECT_TRUE(sink.content == content);
}

TEST_F(RealRegistryTest, StreamsFromAnOffset) {
  const std::string content = Noise(100000);
  const Digest digest = PushBlob(content);
  StringSink sink;
  ASSERT_OK(client_->GetBlob(Repository(), digest, ByteOffset(99990), sink, cancellation_));
  EXPECT_EQ(sink.content, content.substr(99990));
  EXPECT_EQ(sink.size, ByteCount(100000));
}

TEST_F(RealRegistryTest, OffsetAtTheEndGivesNothing) {
  const Digest digest = PushBlob("12345");
  StringSink sink;
  EXPECT_OK(client_->GetBlob(Repository(), digest, ByteOffset(5), sink, cancellation_));
  EXPECT_EQ(sink.content, "");
  EXPECT_EQ(sink.size, ByteCount(5));
}

TEST_F(RealRegistryTest, OffsetBehindTheEndIsOutOfRange) {
  const Digest digest = PushBlob("12345");
  StringSink sink;
  EXPECT_THAT(client_->GetBlob(Repository(), digest, ByteOffset(6), sink, cancellation_),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(RealRegistryTest, StreamsAnEmptyBlob) {
  const Digest digest = PushBlob("");
  StringSink sink;
  EXPECT_OK(client_->GetBlob(Repository(), digest, ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.begun, 1);
  EXPECT_EQ(sink.content, "");
}

TEST_F(RealRegistryTest, MissingThingsAreNotFoundAndNamed) {
  const Digest digest = DigestOf("nothing");
  EXPECT_THAT(client_->HeadBlob(Repository(), digest, cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
  StringSink sink;
  EXPECT_THAT(client_->GetBlob(Repository(), digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(digest.ToString()), HasSubstr(registry_->address()),
                             HasSubstr("404 BLOB_UNKNOWN"))));
  EXPECT_EQ(sink.begun, 0);
  EXPECT_THAT(client_->GetManifest(Repository(), TagRef("none"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("library/debian:none"), HasSubstr("MANIFEST_UNKNOWN"))));
}

// Kraken pings /v2/ before every operation; a password check costs a registry up to 85 ms.
TEST_F(RealRegistryTest, ChallengeIsPaidOnce) {
  const Digest digest = PushBlob("12345");
  for (int i = 0; i < 5; ++i) ASSERT_OK(client_->HeadBlob(Repository(), digest, cancellation_));
  registry_->Stop();
  std::vector<int> statuses;
  for (const AccessLogEntry& entry : registry_->AccessLog()) {
    if (entry.method == "HEAD") statuses.push_back(entry.status);
  }
  EXPECT_THAT(statuses, ElementsAre(401, 200, 200, 200, 200, 200));
}

TEST_F(RealRegistryTest, PingTellsWhetherCredentialsAreGood) {
  EXPECT_OK(client_->Ping(cancellation_));
  RegistryClientOptions options = Options(registry_->url());
  EXPECT_THAT(Client(options)->Ping(cancellation_),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("none are configured")));
  options.credentials = BasicCredentials{"harbor_registry_user", "wrong-secret"};
  EXPECT_THAT(Client(options)->Ping(cancellation_),
              StatusIs(absl::StatusCode::kUnauthenticated, Not(HasSubstr("wrong-secret"))));
}

TEST_F(RealRegistryTest, UnreachableRegistryIsUnavailableAfterAllTries) {
  registry_->Kill();
  EXPECT_THAT(client_->HeadBlob(Repository(), DigestOf("x"), cancellation_),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(registry_->address()), HasSubstr("after 3 tries"))));
}

TEST_F(RegistryClientTest, BearerTokensAreFetchedOncePerRepository) {
  net::LoopThread loop("tokens");
  const std::string directory = MakeTestDir();
  ASSERT_OK_AND_ASSIGN(
      const auto tokens,
      TokenServer::Start(
          &loop.loop(),
          {.directory = directory, .credentials = BasicCredentials{"robot$kraken", "password"}}));
  ASSERT_OK_AND_ASSIGN(
      const auto registry,
      DockerRegistry::Start({.directory = MakeTestDir(), .token_auth = tokens->registry_auth()}));
  RegistryPusher pusher(&http_, registry->url(), [&tokens](const RepositoryName& repository) {
    return absl::StrCat(
        "Bearer ", tokens->Mint(absl::StrCat("repository:", repository.ToString(), ":pull,push")));
  });
  RegistryClientOptions options = Options(registry->url());
  options.credentials = BasicCredentials{"robot$kraken", "password"};
  const auto client = Client(options);
  for (const char* name : {"team-a/app", "team-b/app"}) {
    ASSERT_OK_AND_ASSIGN(const Digest digest, pusher.PushBlob(Repository(name), name));
    for (int i = 0; i < 3; ++i) {
      StringSink sink;
      ASSERT_OK(client->GetBlob(Repository(name), digest, ByteOffset(0), sink, cancellation_));
      EXPECT_EQ(sink.content, name);
    }
  }
  EXPECT_THAT(tokens->requested_scopes(),
              ElementsAre("repository:team-a/app:pull", "repository:team-b/app:pull"));

  options.credentials = BasicCredentials{"robot$kraken", "wrong"};
  EXPECT_THAT(Client(options)->HeadBlob(Repository("team-a/app"), DigestOf("x"), cancellation_),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("/service/token")));
}

class HttpsTest : public RegistryClientTest {
 protected:
  void SetUp() override {
    directory_ = MakeTestDir();
    certificate_file_ = absl::StrCat(directory_, "/tls.crt");
    key_file_ = absl::StrCat(directory_, "/tls.key");
    const SelfSigned identity;
    WriteTestFile(certificate_file_, identity.CertificatePem());
    WriteTestFile(key_file_, identity.KeyPem());
    auto tls = net::TlsContext::CreateClient({.ca_files = {certificate_file_}});
    ASSERT_OK(tls);
    tls_ = *std::move(tls);
  }

  std::string directory_;
  std::string certificate_file_;
  std::string key_file_;
  std::shared_ptr<const net::TlsContext> tls_;
};

TEST_F(HttpsTest, ReadsFromARegistryWithBasicAuth) {
  ASSERT_OK_AND_ASSIGN(const auto registry,
                       DockerRegistry::Start({.directory = absl::StrCat(directory_, "/registry"),
                                              .basic_auth = true,
                                              .tls_certificate_file = certificate_file_,
                                              .tls_key_file = key_file_}));
  net::HttpClientOptions http_options;
  http_options.tls = tls_;
  net::BlockingHttpClient http(http_options);
  RegistryPusher pusher(&http, registry->url(), HarborRegistryCredentials());
  ASSERT_OK_AND_ASSIGN(const Digest digest, pusher.PushBlob(Repository(), "over TLS"));
  RegistryClientOptions options = Options(registry->url());
  options.credentials = HarborRegistryCredentials();
  options.tls = tls_;
  StringSink sink;
  ASSERT_OK(Client(options)->GetBlob(Repository(), digest, ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.content, "over TLS");
}

TEST_F(HttpsTest, RedirectNeverTakesTlsOff) {
  ScriptedServer plain([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, "stolen");
  });
  ASSERT_OK_AND_ASSIGN(
      const auto server_tls,
      net::TlsContext::CreateServer(
          {.identity = {.certificate_file = certificate_file_, .key_file = key_file_}}));
  ScriptedServer secure(
      [&plain](std::shared_ptr<net::HttpExchange> exchange, int) {
        exchange->Respond(307, {{"Location", plain.url().ToString()}}, "");
      },
      server_tls);
  RegistryClientOptions options = Options(secure.url());
  options.tls = tls_;
  StringSink sink;
  EXPECT_THAT(
      Client(options)->GetBlob(Repository(), DigestOf("x"), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("redirect from https")));
  EXPECT_THAT(plain.requests(), SizeIs(0));
}

// --- Faults and answers that Debian's registry does not give ---

TEST_F(RegistryClientTest, EveryManifestRequestNamesAllFourTypes) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {{"Content-Type", kOciIndexType}}, "{}");
  });
  const auto client = Client(server);
  EXPECT_OK(client->GetManifest(Repository(), TagRef("latest"), cancellation_));
  EXPECT_OK(client->GetManifest(Repository(), DigestOf("{}"), cancellation_));
  // Without Docker-Content-Digest a HEAD is followed by a GET.
  ASSERT_OK_AND_ASSIGN(const ManifestInfo info,
                       client->HeadManifest(Repository(), TagRef("latest"), cancellation_));
  EXPECT_EQ(info.digest, DigestOf("{}"));
  ASSERT_THAT(server.requests(), SizeIs(4));
  for (const net::HttpRequestHead& request : server.requests()) {
    EXPECT_EQ(request.headers.GetOr("Accept"), kManifestAccept);
  }
}

TEST_F(RegistryClientTest, RedirectIsFollowedWithoutCredentials) {
  ScriptedServer storage([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, "from the object store");
  });
  ScriptedServer server([&storage](std::shared_ptr<net::HttpExchange> exchange, int) {
    if (!exchange->request().headers.Has("Authorization")) {
      return exchange->Respond(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
    }
    exchange->Respond(307, {{"Location", storage.url().ToString() + "bucket?signature=secret"}},
                      "");
  });
  RegistryClientOptions options = Options(server.url());
  options.credentials = BasicCredentials{"user", "password"};
  StringSink sink;
  ASSERT_OK(
      Client(options)->GetBlob(Repository(), DigestOf("x"), ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.content, "from the object store");
  ASSERT_THAT(storage.requests(), SizeIs(1));
  EXPECT_EQ(storage.requests()[0].target, "/bucket?signature=secret");
  EXPECT_FALSE(storage.requests()[0].headers.Has("Authorization"));
}

TEST_F(RegistryClientTest, ErrorAfterARedirectKeepsTheSignatureSecret) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(307, {{"Location", "http://127.0.0.1:1/bucket?signature=secret"}}, "");
  });
  StringSink sink;
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf("x"), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kUnavailable, Not(HasSubstr("secret"))));
}

// harbor-core answers 301 for short names in a proxy-cache project.
TEST_F(RegistryClientTest, RedirectOnTheRegistryItselfKeepsCredentials) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    if (exchange->path() != "/moved") {
      return exchange->Respond(301, {{"Location", "/moved"}}, "");
    }
    if (!exchange->request().headers.Has("Authorization")) {
      return exchange->Respond(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "");
    }
    exchange->Respond(200, {}, "{}");
  });
  RegistryClientOptions options = Options(server.url());
  options.credentials = BasicCredentials{"user", "password"};
  EXPECT_OK(Client(options)->GetManifest(Repository(), TagRef("latest"), cancellation_));
}

TEST_F(RegistryClientTest, RedirectsAreBounded) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(302, {{"Location", "/again"}}, "");
  });
  EXPECT_THAT(Client(server)->GetManifest(Repository(), TagRef("latest"), cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("redirects")));
  EXPECT_THAT(server.requests(), SizeIs(RegistryClientOptions::kDefaultMaxRedirects + 1));
}

TEST_F(RegistryClientTest, TriesAgainWhatMayPass) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int index) {
    if (index < 2) return exchange->Respond(503, {{"Retry-After", "0"}}, "");
    exchange->Respond(200, {}, "{}");
  });
  EXPECT_OK(Client(server)->GetManifest(Repository(), TagRef("latest"), cancellation_));
}

TEST_F(RegistryClientTest, ErrorCountsTheTries) {
  ScriptedServer server(
      [](std::shared_ptr<net::HttpExchange> exchange, int) { exchange->Respond(503, {}, ""); });
  const auto status =
      Client(server)->GetManifest(Repository(), TagRef("latest"), cancellation_).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable,
                               absl::StrCat("manifest library/debian:latest from ",
                                            server.url().host_port(),
                                            ": 503 Service Unavailable after 3 tries")));
  ASSERT_TRUE(UpstreamErrorOf(status).has_value());
  EXPECT_EQ(UpstreamErrorOf(status)->http_status, 503);
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistryClientTest, RefusalsAreNotTriedAgain) {
  for (int http_status : {400, 403, 404, 412}) {
    ScriptedServer server([=](std::shared_ptr<net::HttpExchange> exchange, int) {
      exchange->Respond(http_status, {}, "");
    });
    EXPECT_FALSE(Client(server)->GetManifest(Repository(), TagRef("x"), cancellation_).ok());
    EXPECT_THAT(server.requests(), SizeIs(1)) << http_status;
  }
}

TEST_F(RegistryClientTest, EndlessErrorBodyIsCutOff) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(404, {}, std::string(1 << 20, 'x'));
  });
  EXPECT_THAT(Client(server)->GetManifest(Repository(), TagRef("x"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(RegistryClientTest, ManifestThatIsNotWhatWasAskedForIsDataLoss) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, "something else");
  });
  EXPECT_THAT(Client(server)->GetManifest(Repository(), DigestOf("{}"), cancellation_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(DigestOf("{}").ToString())));
}

TEST_F(RegistryClientTest, ManifestThatIsNotWhatTheRegistrySaysIsDataLoss) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {{"Docker-Content-Digest", DigestOf("other").ToString()}}, "{}");
  });
  const auto client = Client(server);
  EXPECT_THAT(client->GetManifest(Repository(), TagRef("latest"), cancellation_),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(client->HeadManifest(Repository(), DigestOf("{}"), cancellation_),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(RegistryClientTest, OverlongManifestIsRefused) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, std::string(kMaxManifestBytes + 1, ' '));
  });
  EXPECT_THAT(Client(server)->GetManifest(Repository(), TagRef("latest"), cancellation_),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

// Sends `content` from where the Range field says, and cuts the connection after `limit` bytes.
void ServeAtMost(net::HttpExchange& exchange, absl::string_view content, size_t limit) {
  size_t offset = 0;
  absl::string_view range = exchange.request().headers.GetOr("Range");
  net::HeaderMap headers;
  if (absl::ConsumePrefix(&range, "bytes=") && absl::ConsumeSuffix(&range, "-") &&
      absl::SimpleAtoi(range, &offset)) {
    headers.Add("Content-Range",
                absl::StrCat("bytes ", offset, "-", content.size() - 1, "/", content.size()));
  }
  exchange.StartResponse(offset > 0 ? 206 : 200, headers, content.size() - offset);
  const absl::string_view part = content.substr(offset, limit);
  exchange.Write(part);
  if (offset + part.size() == content.size()) return exchange.Finish();
  // The bytes must be out before the cut.
  exchange.OnDrained([self = exchange.shared_from_this()] { self->Reset(); });
}

// A connection that is cut is an error at once, not after a time limit.
TEST_F(RegistryClientTest, BreakIsNoticedAtOnce) {
  const std::string content = Noise(300000);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    ServeAtMost(*exchange, content, 130000);
  });
  RegistryClientOptions options = Options(server.url());
  options.retry.max_retries = 0;
  StringSink sink;
  EXPECT_THAT(
      Client(options)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("after 1 try")));
}

TEST_F(RegistryClientTest, BrokenTransferGoesOnWhereItEnded) {
  const std::string content = Noise(300000);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    ServeAtMost(*exchange, content, 130000);
  });
  StringSink sink;
  ASSERT_OK(
      Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_));
  EXPECT_TRUE(sink.content == content);
  EXPECT_EQ(sink.begun, 1);
}

// Answers with the part of `content` that begins where the Range field says and has at most `limit`
// bytes: a clean answer that is too short.
void ServePart(net::HttpExchange& exchange, absl::string_view content, size_t limit) {
  size_t offset = 0;
  absl::string_view range = exchange.request().headers.GetOr("Range");
  if (absl::ConsumePrefix(&range, "bytes=") && absl::ConsumeSuffix(&range, "-")) {
    EXPECT_TRUE(absl::SimpleAtoi(range, &offset));
  }
  const absl::string_view part = content.substr(offset, limit);
  exchange.Respond(206,
                   {{"Content-Range", absl::StrCat("bytes ", offset, "-", offset + part.size() - 1,
                                                   "/", content.size())}},
                   part);
}

// More breaks than retries: progress earns new ones.
TEST_F(RegistryClientTest, ProgressEarnsNewTries) {
  const std::string content = Noise(8 << 20);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    ServePart(*exchange, content, (3 << 20) / 2);
  });
  StringSink sink;
  ASSERT_OK(
      Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_));
  EXPECT_TRUE(sink.content == content);
}

TEST_F(RegistryClientTest, WithoutProgressTheTriesAreBounded) {
  const std::string content = Noise(300000);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    ServePart(*exchange, content, 1000);
  });
  StringSink sink;
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("after 3 tries")));
  EXPECT_THAT(server.requests(), SizeIs(3));
}

TEST_F(RegistryClientTest, ServerThatIgnoresRangesIsReadFromTheStart) {
  const std::string content = Noise(5000);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, content);
  });
  StringSink sink;
  ASSERT_OK(Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(4000), sink,
                                    cancellation_));
  EXPECT_EQ(sink.content, content.substr(4000));
  StringSink behind;
  EXPECT_THAT(Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(6000), behind,
                                      cancellation_),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_F(RegistryClientTest, AnswerToAnotherRangeIsDataLoss) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(206, {{"Content-Range", "bytes 0-3/10"}}, "0123");
  });
  StringSink sink;
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf("x"), ByteOffset(5), sink, cancellation_),
      StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(sink.content, "");
}

TEST_F(RegistryClientTest, BlobThatChangesItsSizeIsDataLoss) {
  const std::string content = Noise(10000);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int index) {
    ServePart(*exchange, content.substr(0, 10000 - index), 4000);
  });
  StringSink sink;
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("size")));
}

TEST_F(RegistryClientTest, SinksErrorComesBackAsItIsAndIsNotRetried) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, "content");
  });
  StringSink sink;
  sink.on_write = [] { return absl::UnavailableError("disk is gone"); };
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf("x"), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kUnavailable, "disk is gone"));
  StringSink full;
  full.begin_result = absl::ResourceExhaustedError("no room");
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf("x"), ByteOffset(0), full, cancellation_),
      StatusIs(absl::StatusCode::kResourceExhausted, "no room"));
  EXPECT_THAT(server.requests(), SizeIs(2));
}

TEST_F(RegistryClientTest, CancelEndsATransfer) {
  const std::string content = Noise(4 << 20);
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, content);
  });
  StringSink sink;
  sink.on_write = [this] {
    cancellation_.Cancel();
    return absl::OkStatus();
  };
  EXPECT_THAT(
      Client(server)->GetBlob(Repository(), DigestOf(content), ByteOffset(0), sink, cancellation_),
      StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(sink.content.size(), content.size());
}

TEST_F(RegistryClientTest, CancelEndsTheWaitForTheNextTry) {
  absl::Notification answered;
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(503, {}, "");
    answered.Notify();
  });
  RegistryClientOptions options = Options(server.url());
  options.retry.initial_interval = absl::Hours(1);
  options.retry.max_interval = absl::Hours(1);
  std::thread canceller([&] {
    answered.WaitForNotification();
    cancellation_.Cancel();
  });
  EXPECT_THAT(Client(options)->GetManifest(Repository(), TagRef("latest"), cancellation_),
              StatusIs(absl::StatusCode::kCancelled));
  canceller.join();
}

TEST_F(RegistryClientTest, CancelledBeforehandAsksNobody) {
  ScriptedServer server(
      [](std::shared_ptr<net::HttpExchange> exchange, int) { exchange->Respond(200, {}, "{}"); });
  cancellation_.Cancel();
  EXPECT_THAT(Client(server)->GetManifest(Repository(), TagRef("latest"), cancellation_),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(server.requests(), SizeIs(0));
}

}  // namespace
}  // namespace kraken::registry
