// Who gets what from an agent whose access rules are those of a registry with a token service.
#include "kraken/agent/pull_access.h"

#include <re2/re2.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/types/optional.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/json.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/url.h"
#include "kraken/registry/auth_challenge.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/scripted_server.h"
#include "kraken/registry/testing/token_server.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using registry::testing::DockerRegistry;
using registry::testing::RegistryPusher;
using registry::testing::ScriptedServer;
using registry::testing::TokenServer;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::string_view kManifestType = "application/vnd.oci.image.manifest.v1+json";

std::string Basic(absl::string_view pair) {
  return absl::StrCat("Basic ", absl::Base64Escape(pair));
}

// Who may pull what, as in Harbor: a public project, and two private ones.
class Users {
 public:
  absl::StatusOr<bool> MayPull(absl::string_view authorization, absl::string_view repository) {
    const bool is_public = absl::StartsWith(repository, "library/");
    if (authorization.empty()) return is_public;
    if (authorization == Basic("alice:a")) {
      return is_public || absl::StartsWith(repository, "team/");
    }
    if (authorization == Basic("bob:b")) return is_public || absl::StartsWith(repository, "other/");
    if (authorization == Basic("robot$node:r") && !robot_revoked) return true;
    return absl::UnauthenticatedError("unauthorized");
  }

  std::atomic<bool> robot_revoked{false};
};

struct Image {
  RepositoryName repository;
  std::string layer;
  std::string manifest;
  Digest layer_digest;
  Digest digest;
};

Image MakeImage(absl::string_view repository) {
  Image image{.repository = *RepositoryName::Parse(repository),
              .layer = absl::StrCat("a layer of ", repository),
              .manifest = {},
              .layer_digest = {},
              .digest = {}};
  image.layer_digest = registry::testing::DigestOf(image.layer);
  image.manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", kManifestType,
      R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":2,"digest":")",
      registry::testing::DigestOf("{}").ToString(),
      R"("},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","size":)",
      image.layer.size(), R"(,"digest":")", image.layer_digest.ToString(), R"("}]})");
  image.digest = registry::testing::DigestOf(image.manifest);
  return image;
}

class PullAccessTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string directory = MakeTestDir();
    ASSERT_OK_AND_ASSIGN(
        tokens_,
        TokenServer::Start(&loop_.loop(), {.directory = directory,
                                           .may_pull = [this](absl::string_view authorization,
                                                              absl::string_view repository) {
                                             return users_.MayPull(authorization, repository);
                                           }}));
    ASSERT_OK_AND_ASSIGN(registry_,
                         DockerRegistry::Start({.directory = directory + "/registry",
                                                .token_auth = tokens_->registry_auth()}));
    RegistryPusher pusher(&http_, registry_->url(), [this](const RepositoryName& repository) {
      return absl::StrCat("Bearer ", tokens_->Mint(absl::StrCat(
                                         "repository:", repository.ToString(), ":pull,push")));
    });
    for (const Image* image : {&public_, &private_, &other_}) {
      ASSERT_OK(pusher.PushBlob(image->repository, "{}"));
      ASSERT_OK(pusher.PushBlob(image->repository, image->layer));
      ASSERT_OK(pusher.PushManifest(image->repository, "latest", kManifestType, image->manifest));
    }
  }

  // An agent that has everything, with one rule for all. Asks `harbor_` or else the registry.
  void Start(access::AccessMode mode, absl::Duration decision_ttl = absl::Minutes(1),
             access::WhenHarborIsDown down = access::WhenHarborIsDown::kCached) {
    TestAgentOptions options;
    options.tracker = tracker_.address();
    options.http.trusted_proxies = trusted_proxies_;
    backend::RegistryConfig harbor;
    harbor.address = harbor_ != nullptr ? harbor_->url().host_port() : registry_->address();
    harbor.tls.client.disabled = true;
    if (mode == access::AccessMode::kNode) harbor.credentials = {"robot$node", "r"};
    options.access.rules.push_back(
        {.pattern = std::make_shared<re2::RE2>(".*"), .mode = mode, .harbor = harbor});
    options.access.decision_ttl = decision_ttl;
    options.access.when_harbor_is_down = down;
    options.access.edges_file = edges_file_;
    agent_ = std::make_unique<TestAgent>(options);
    Store("{}");
    for (const Image* image : {&public_, &private_, &other_}) {
      Store(image->layer);
      Store(image->manifest);
    }
  }

  void Store(const std::string& bytes) {
    ASSERT_OK(
        agent_->store().PutSmall(registry::testing::DigestOf(bytes), storage::ToBytes(bytes)));
  }

  net::HttpResponse Get(const std::string& target, const std::string& authorization = "") {
    net::HttpClientRequest request;
    request.url =
        *net::Url::Parse(absl::StrCat("http://", agent_->registry_address().ToString(), target));
    if (!authorization.empty()) request.headers.Add("Authorization", authorization);
    absl::StatusOr<net::HttpResponse> response = http_.Fetch(std::move(request));
    EXPECT_OK(response);
    return response.ok() ? *response : net::HttpResponse{.status = 0, .headers = {}, .body = {}};
  }
  static std::string ManifestOf(const Image& image) {
    return absl::StrCat("/v2/", image.repository.ToString(), "/manifests/",
                        image.digest.ToString());
  }
  static std::string LayerOf(const Image& image, const Image& through) {
    return absl::StrCat("/v2/", through.repository.ToString(), "/blobs/",
                        image.layer_digest.ToString());
  }

  // Asks, and where that is a challenge asks again with a token from where it leads, as docker and
  // containerd do. nullopt: there was no token.
  absl::optional<std::string> TokenFor(const std::string& target, const std::string& credentials) {
    const net::HttpResponse refused = Get(target);
    EXPECT_EQ(refused.status, 401) << target;
    const std::vector<registry::AuthChallenge> challenges = registry::ChallengesOf(refused.headers);
    if (challenges.size() != 1 || challenges[0].scheme != "bearer") {
      ADD_FAILURE() << "no challenge for " << target;
      return absl::nullopt;
    }
    const std::string own = absl::StrCat("http://", agent_->registry_address().ToString());
    EXPECT_EQ(challenges[0].Get("realm"), own + "/service/token");
    std::string query =
        absl::StrCat("?service=", net::PercentEncode(*challenges[0].Get("service")));
    if (const auto scope = challenges[0].Get("scope")) {
      absl::StrAppend(&query, "&scope=", net::PercentEncode(*scope));
    }
    const net::HttpResponse response = Get("/service/token" + query, credentials);
    if (response.status != 200) return absl::nullopt;
    const auto token = ParseJson(response.body);
    EXPECT_OK(token);
    return JsonString(FindJson(*token, "token"));
  }
  int StatusByBearer(const std::string& target, const std::string& credentials) {
    const absl::optional<std::string> token = TokenFor(target, credentials);
    return token.has_value() ? Get(target, absl::StrCat("Bearer ", *token)).status : 401;
  }

  const std::string edges_file_ = MakeTestDir() + "/edges";
  net::CidrSet trusted_proxies_;
  Users users_;
  const Image public_ = MakeImage("library/debian");
  const Image private_ = MakeImage("team/app");
  const Image other_ = MakeImage("other/app");
  net::LoopThread loop_{"tokens"};
  net::BlockingHttpClient http_{net::HttpClientOptions()};
  ScriptedTracker tracker_;
  std::unique_ptr<TokenServer> tokens_;
  std::unique_ptr<DockerRegistry> registry_;
  std::unique_ptr<ScriptedServer> harbor_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(PullAccessTest, WhoMayPullWhatAsTheRegistrySays) {
  Start(access::AccessMode::kPassthrough, /*decision_ttl=*/absl::ZeroDuration());
  struct Row {
    std::string what;
    std::string target;
    std::string credentials;  // ""; of whom
    int basic;                // the status with them in the request
    int bearer;               // and with a token that they got
  };
  const std::vector<Row> table = {
      {"public", ManifestOf(public_), Basic("alice:a"), 200, 0},
      {"private", ManifestOf(private_), Basic("alice:a"), 200, 200},
      {"private, layer", LayerOf(private_, private_), Basic("alice:a"), 200, 200},
      {"other project", ManifestOf(private_), Basic("bob:b"), 401, 401},
      {"robot", ManifestOf(private_), Basic("robot$node:r"), 200, 200},
      {"wrong password", ManifestOf(private_), Basic("alice:b"), 401, 401},
      {"no credential", ManifestOf(private_), "", 401, 401},
      {"blob through a foreign repository", LayerOf(private_, other_), Basic("bob:b"), 404, 404},
      {"blob through a public repository", LayerOf(private_, public_), Basic("bob:b"), 404, 0},
      {"other project's blob", LayerOf(private_, private_), Basic("bob:b"), 401, 401},
  };
  for (const Row& row : table) {
    SCOPED_TRACE(row.what);
    EXPECT_EQ(Get(row.target, row.credentials).status, row.basic);
    // What is public is served, or not there, without a challenge.
    if (row.bearer == 0) continue;
    EXPECT_EQ(StatusByBearer(row.target, row.credentials), row.bearer);
  }
}

TEST_F(PullAccessTest, WhatIsPublicNeedsNoCredentialsAndNoDetour) {
  Start(access::AccessMode::kPassthrough);
  const net::HttpResponse manifest = Get(ManifestOf(public_));
  EXPECT_EQ(manifest.status, 200);
  EXPECT_EQ(manifest.body, public_.manifest);
  EXPECT_EQ(Get(LayerOf(public_, public_)).body, public_.layer);
}

TEST_F(PullAccessTest, ARevokedRobotIsOutOnceTheDecisionIsOld) {
  Start(access::AccessMode::kPassthrough, absl::ZeroDuration());
  const std::string robot = Basic("robot$node:r");
  EXPECT_EQ(Get(ManifestOf(private_), robot).status, 200);
  users_.robot_revoked = true;
  EXPECT_EQ(Get(ManifestOf(private_), robot).status, 401);
  EXPECT_EQ(Get(LayerOf(private_, private_), robot).status, 401) << "though an edge is known";
  EXPECT_EQ(StatusByBearer(ManifestOf(private_), robot), 401);
}

TEST_F(PullAccessTest, AnExpiredOrForgedTokenIsChallengedAgain) {
  Start(access::AccessMode::kPassthrough);
  const std::string scope = "repository:team/app:pull";
  const std::string good = tokens_->Mint(scope);
  EXPECT_EQ(Get(ManifestOf(private_), absl::StrCat("Bearer ", good)).status, 200);
  const std::string expired = tokens_->Mint(scope, -absl::Hours(1));
  const net::HttpResponse refused = Get(ManifestOf(private_), absl::StrCat("Bearer ", expired));
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(std::string(refused.headers.GetOr("WWW-Authenticate")), StartsWith("Bearer realm="));
  EXPECT_THAT(refused.body, HasSubstr("UNAUTHORIZED"));
  EXPECT_EQ(Get(ManifestOf(private_), absl::StrCat("Bearer ", good, "x")).status, 401);
  EXPECT_EQ(Get(ManifestOf(private_), "Negotiate x").status, 400);
}

TEST_F(PullAccessTest, BehindATrustedProxyTokensAreFetchedThroughIt) {
  const auto realm = [this] {
    net::HttpClientRequest request;
    request.url = *net::Url::Parse(
        absl::StrCat("http://", agent_->registry_address().ToString(), ManifestOf(private_)));
    request.headers.Add("X-Forwarded-For", "192.0.2.7");
    request.headers.Add("X-Forwarded-Proto", "https");
    request.headers.Add("X-Forwarded-Host", "mirror.example.com");
    const absl::StatusOr<net::HttpResponse> refused = http_.Fetch(std::move(request));
    EXPECT_OK(refused);
    return std::string(refused->headers.GetOr("WWW-Authenticate"));
  };
  Start(access::AccessMode::kPassthrough);
  EXPECT_THAT(realm(),
              StartsWith(absl::StrCat("Bearer realm=\"http://",
                                      agent_->registry_address().ToString(), "/service/token\"")));
  trusted_proxies_ = *net::CidrSet::Parse({"127.0.0.1"});
  Start(access::AccessMode::kPassthrough);
  EXPECT_THAT(realm(), StartsWith("Bearer realm=\"https://mirror.example.com:443/service/token\""));
}

TEST_F(PullAccessTest, WhoLogsInIsChallengedAtTheBase) {
  Start(access::AccessMode::kPassthrough);
  EXPECT_THAT(std::string(Get("/v2/").headers.GetOr("WWW-Authenticate")),
              StartsWith("Bearer realm="));
  EXPECT_EQ(StatusByBearer("/v2/", Basic("alice:a")), 200);
  EXPECT_EQ(Get("/v2/", Basic("alice:a")).status, 200);
  EXPECT_EQ(Get("/v2/", Basic("alice:b")).status, 401);
}

TEST_F(PullAccessTest, LayersOfAManifestThatWasPulledCostHarborNothing) {
  Start(access::AccessMode::kPassthrough);
  const std::string alice = Basic("alice:a");
  ASSERT_EQ(Get(ManifestOf(private_), alice).status, 200);
  const size_t before = registry_->AccessLog().size();
  EXPECT_EQ(Get(LayerOf(private_, private_), alice).status, 200);
  EXPECT_EQ(Get(ManifestOf(private_), alice).status, 200);
  EXPECT_EQ(registry_->AccessLog().size(), before);
  EXPECT_EQ(Get(LayerOf(private_, private_), Basic("bob:b")).status, 401);
}

TEST_F(PullAccessTest, WhatAManifestNamesIsKnownAfterARestart) {
  Start(access::AccessMode::kPassthrough);
  const std::string alice = Basic("alice:a");
  ASSERT_EQ(Get(ManifestOf(private_), alice).status, 200);
  agent_ = nullptr;
  Start(access::AccessMode::kPassthrough);
  const std::string config = absl::StrCat("/v2/", private_.repository.ToString(), "/blobs/",
                                          registry::testing::DigestOf("{}").ToString());
  ASSERT_EQ(Get(config, alice).status, 200) << "Harbor says that she may pull from there";
  const size_t before = registry_->AccessLog().size();
  EXPECT_EQ(Get(LayerOf(private_, private_), alice).status, 200);
  EXPECT_EQ(registry_->AccessLog().size(), before);
  EXPECT_EQ(Get(LayerOf(other_, private_), alice).status, 404);
}

TEST_F(PullAccessTest, WhatAPolicyForbidsIsRefusedInHarborsWords) {
  std::atomic<bool> is_forbidden{false};
  harbor_ = std::make_unique<ScriptedServer>(
      [&](const std::shared_ptr<net::HttpExchange>& exchange, int) {
        if (!is_forbidden) {
          exchange->Respond(200, {{"Content-Type", kManifestType}}, private_.manifest);
          return;
        }
        exchange->Respond(
            412, {{"Content-Type", "application/json"}},
            R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"too vulnerable"}]})");
      });
  Start(access::AccessMode::kPassthrough, absl::ZeroDuration());
  const std::string alice = Basic("alice:a");
  EXPECT_EQ(Get(ManifestOf(private_), alice).status, 200);
  // Harbor has seen a pull: the next question is a HEAD, whose answer says nothing but 412.
  is_forbidden = true;
  const net::HttpResponse refused = Get(ManifestOf(private_), alice);
  EXPECT_EQ(refused.status, 412);
  EXPECT_THAT(refused.body, HasSubstr("PROJECTPOLICYVIOLATION"));
  EXPECT_THAT(refused.body, HasSubstr("too vulnerable"));
  const std::vector<net::HttpRequestHead> asked = harbor_->requests();
  ASSERT_EQ(asked.size(), 3u);
  EXPECT_EQ(asked[1].method, "HEAD");
  EXPECT_EQ(asked[2].method, "GET");
}

TEST_F(PullAccessTest, WhileHarborIsDownWhatItSaidBeforeHolds) {
  Start(access::AccessMode::kPassthrough, absl::ZeroDuration());
  const std::string alice = Basic("alice:a");
  ASSERT_EQ(Get(ManifestOf(private_), alice).status, 200);
  ASSERT_EQ(Get(ManifestOf(private_), Basic("bob:b")).status, 401);
  registry_->Kill();
  EXPECT_EQ(Get(ManifestOf(private_), alice).status, 200);
  EXPECT_EQ(Get(LayerOf(private_, private_), alice).status, 200) << "the manifest names it";
  EXPECT_EQ(Get(ManifestOf(private_), Basic("bob:b")).status, 401);
  const net::HttpResponse unknown = Get(ManifestOf(other_), alice);
  EXPECT_EQ(unknown.status, 503) << "so that a runtime goes on to Harbor";
  EXPECT_THAT(unknown.body, HasSubstr("Harbor can't be asked"));
}

TEST_F(PullAccessTest, WhileHarborIsDownTheConfigurationMayDenyOrAllow) {
  Start(access::AccessMode::kPassthrough, absl::ZeroDuration(), access::WhenHarborIsDown::kDeny);
  ASSERT_EQ(Get(ManifestOf(public_)).status, 200);
  registry_->Kill();
  EXPECT_EQ(Get(ManifestOf(public_)).status, 503);
  Start(access::AccessMode::kPassthrough, absl::ZeroDuration(), access::WhenHarborIsDown::kAllow);
  EXPECT_EQ(Get(ManifestOf(private_)).status, 200);
}

TEST_F(PullAccessTest, ANodesRobotPullsForClientsWithoutCredentials) {
  Start(access::AccessMode::kNode, absl::ZeroDuration());
  EXPECT_EQ(Get("/v2/").status, 200);
  EXPECT_EQ(Get(ManifestOf(private_)).status, 200);
  EXPECT_EQ(Get(LayerOf(private_, private_)).status, 200);
  users_.robot_revoked = true;
  EXPECT_EQ(Get(ManifestOf(private_)).status, 401);
}

TEST_F(PullAccessTest, ListsOfTagsAndReferrersAreHarbors) {
  Start(access::AccessMode::kPassthrough);
  const std::string tags = "/v2/team/app/tags/list?n=5";
  const net::HttpResponse list = Get(tags, Basic("alice:a"));
  EXPECT_EQ(list.status, 200);
  EXPECT_THAT(list.body, HasSubstr(R"("tags":["latest"])"));
  EXPECT_EQ(Get(tags).status, 401);
  EXPECT_EQ(Get(tags, Basic("bob:b")).status, 401);
  // This registry has no referrers API, and nobody keeps a list under a tag.
  const net::HttpResponse referrers =
      Get(absl::StrCat("/v2/team/app/referrers/", private_.digest.ToString()), Basic("alice:a"));
  EXPECT_EQ(referrers.status, 200);
  EXPECT_THAT(referrers.body, HasSubstr(R"("manifests":[])"));
}

TEST_F(PullAccessTest, TheTokenServiceGivesNothingThatWasNotAskedRight) {
  Start(access::AccessMode::kPassthrough);
  EXPECT_EQ(Get("/service/token?scope=repository:Bad//Name:pull").status, 400);
  EXPECT_EQ(Get("/service/token?service=a%zz").status, 400);
  EXPECT_EQ(Get("/service/token?scope=repository:team/app:pull", Basic("alice:b")).status, 401);
  ASSERT_EQ(Get("/service/token?scope=repository:team/app:pull,push", Basic("alice:a")).status,
            200);
  EXPECT_EQ(tokens_->requested_scopes().back(), "repository:team/app:pull");
}

}  // namespace
}  // namespace kraken::agent
