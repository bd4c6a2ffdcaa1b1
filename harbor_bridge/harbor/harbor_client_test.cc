#include "harbor_bridge/harbor/harbor_client.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/tls_context.h"
#include "kraken/registry/testing/scripted_server.h"
#include "kraken/registry/testing/self_signed.h"

namespace harbor_bridge::api {
namespace {

using kraken::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeHarbor;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

kraken::RepositoryName Repository(absl::string_view name) {
  return *kraken::RepositoryName::Parse(name);
}

class HarborClientTest : public ::testing::Test {
 protected:
  HarborClient Client(const FakeHarbor& harbor, kraken::registry::BasicCredentials credentials =
                                                    testing::AdminCredentials()) {
    return HarborClient({.name = "eu", .url = harbor.url(), .credentials = std::move(credentials)},
                        &http_);
  }

  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  kraken::ManualClock clock_;
  FakeHarbor harbor_{{.version = {2, 15}, .clock = &clock_}};
};

TEST_F(HarborClientTest, AsksWhoIsThere) {
  HarborClient client = Client(harbor_);
  EXPECT_OK(client.Ping());
  EXPECT_OK(client.CheckCredentials());
  ASSERT_OK_AND_ASSIGN(const auto health, client.Health());
  EXPECT_THAT(health, SizeIs(1));
  ASSERT_OK_AND_ASSIGN(const SystemInfo info, client.GetSystemInfo());
  EXPECT_EQ(info.version, "v2.15.2-6e1d6a35");
}

TEST_F(HarborClientTest, Harbor110HasNoSuchApi) {
  harbor_.set_version({1, 10});
  EXPECT_THAT(Client(harbor_).Ping(),
              StatusIs(absl::StatusCode::kUnimplemented, HasSubstr("before 2.0")));
}

TEST_F(HarborClientTest, AStrangerIsToldFromARobot) {
  const auto robot = harbor_.AddRobot("kraken", {});
  EXPECT_OK(Client(harbor_, robot).CheckCredentials());
  const absl::Status refused =
      Client(harbor_, {.username = "admin", .password = "wr0ng"}).CheckCredentials();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kUnauthenticated,
                                AllOf(HasSubstr("Harbor eu"), HasSubstr("harbors[].api"),
                                      HasSubstr("/api/v2.0/users/current"), HasSubstr("401"),
                                      Not(HasSubstr("wr0ng")))));
  harbor_.DisableRobot(robot.username);
  EXPECT_THAT(Client(harbor_, robot).CheckCredentials(),
              StatusIs(absl::StatusCode::kUnauthenticated));
}

TEST_F(HarborClientTest, AMissingPermissionIsNamed) {
  harbor_.Push("team/app", "v1", "one");
  const auto robot = harbor_.AddRobot("kraken", {"project:list"});
  EXPECT_THAT(Client(harbor_, robot).ListProjectArtifacts("team", {}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       AllOf(HasSubstr("403 Forbidden [FORBIDDEN: forbidden]"),
                             HasSubstr("artifact:list"))));
}

TEST_F(HarborClientTest, ReadsListsPageByPage) {
  for (int i = 0; i < 250; ++i) harbor_.AddProject(absl::StrCat("p", 1000 + i));
  HarborClient client = Client(harbor_);
  ASSERT_OK_AND_ASSIGN(const auto page, client.ListProjects({.page = 3, .size = 100}));
  EXPECT_THAT(page.items, SizeIs(50));
  EXPECT_EQ(page.total, 250);
  EXPECT_FALSE(page.more);
  harbor_.ForgetRequests();
  ASSERT_OK_AND_ASSIGN(const auto all, client.ListAllProjects());
  EXPECT_THAT(all, SizeIs(250));
  EXPECT_EQ(harbor_.request_count(), 3);
}

TEST_F(HarborClientTest, NamesWithSlashesAreEscapedTwice) {
  const kraken::Digest digest = harbor_.Push("team/a/b", "v1", "one");
  HarborClient client = Client(harbor_);
  ASSERT_OK_AND_ASSIGN(const auto page, client.ListArtifacts(Repository("team/a/b"), {}));
  ASSERT_THAT(page.items, SizeIs(1));
  EXPECT_EQ(page.items[0].digest, digest);
  EXPECT_THAT(harbor_.requests(), Contains(HasSubstr("/repositories/a%252Fb/artifacts?")));
  ASSERT_OK_AND_ASSIGN(const Artifact artifact, client.GetArtifact(Repository("team/a/b"), "v1"));
  EXPECT_EQ(artifact.digest, digest);
  ASSERT_OK_AND_ASSIGN(const auto tags,
                       client.ListTags(Repository("team/a/b"), digest.ToString(), {}));
  ASSERT_THAT(tags.items, SizeIs(1));
  EXPECT_THAT(client.GetArtifact(Repository("team/none"), "v1"),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(HarborClientTest, TheNewestPushComesFirst) {
  harbor_.Push("team/app", "v1", "one");
  clock_.Advance(absl::Minutes(1));
  const kraken::Digest second = harbor_.Push("team/other", "v2", "two");
  ASSERT_OK_AND_ASSIGN(const auto page, Client(harbor_).ListProjectArtifacts("team", {}));
  ASSERT_THAT(page.items, SizeIs(2));
  EXPECT_EQ(page.items[0].digest, second);
  EXPECT_EQ(page.items[0].repository.ToString(), "team/other");
  harbor_.set_version({2, 11});
  EXPECT_THAT(Client(harbor_).ListProjectArtifacts("team", {}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(HarborClientTest, WebhookPoliciesComeAndGo) {
  harbor_.AddProject("team");
  HarborClient client = Client(harbor_);
  WebhookPolicy policy;
  policy.name = "kraken";
  policy.event_types = {"PUSH_ARTIFACT"};
  policy.targets = {{.address = "http://b/w", .auth_header = "Bearer t"}};
  EXPECT_OK(client.CreateWebhookPolicy("team", policy));
  EXPECT_THAT(client.CreateWebhookPolicy("team", policy),
              StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(auto policies, client.ListWebhookPolicies("team"));
  ASSERT_THAT(policies, SizeIs(1));
  policies[0].enabled = false;
  EXPECT_OK(client.UpdateWebhookPolicy("team", policies[0]));
  EXPECT_FALSE(harbor_.webhooks("team")[0].enabled);
  harbor_.SetWebhookStatus("team", "kraken", "Error");
  ASSERT_OK_AND_ASSIGN(const auto runs, client.ListWebhookExecutions("team", policies[0].id));
  ASSERT_THAT(runs, SizeIs(1));
  EXPECT_EQ(runs[0].status, "Error");
  EXPECT_OK(client.DeleteWebhookPolicy("team", policies[0].id));
  EXPECT_THAT(harbor_.webhooks("team"), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const auto abilities, client.GetWebhookAbilities("team"));
  EXPECT_THAT(abilities.payload_formats, ElementsAre("CloudEvents", "Default"));
}

TEST_F(HarborClientTest, AProjectCalledLikeANumberIsNamed) {
  std::string named;
  const kraken::registry::testing::ScriptedServer server(
      [&named](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
        named = std::string(exchange->request().headers.GetOr("X-Is-Resource-Name"));
        exchange->Respond(200, {}, "[]");
      });
  HarborClient client({.name = "eu", .url = server.url()}, &http_);
  EXPECT_OK(client.ListWebhookPolicies("42"));
  EXPECT_EQ(named, "true");
  EXPECT_OK(client.ListWebhookPolicies("team"));
  EXPECT_EQ(named, "");
}

TEST_F(HarborClientTest, RobotsAreMadeAndWork) {
  HarborClient client = Client(harbor_);
  ASSERT_OK_AND_ASSIGN(
      const CreatedRobot robot,
      client.CreateRobot({.name = "kraken", .scopes = {{.access = {{"artifact", "list"}}}}}));
  EXPECT_EQ(robot.name, "robot$kraken");
  EXPECT_OK(Client(harbor_, {.username = robot.name, .password = robot.secret}).CheckCredentials());
  ASSERT_OK_AND_ASSIGN(const auto robots, client.ListRobots());
  EXPECT_THAT(robots, SizeIs(1));
  EXPECT_OK(client.DeleteRobot(robot.id));
  EXPECT_THAT(harbor_.robots(), IsEmpty());
}

TEST_F(HarborClientTest, PreheatInstancesAndPolicies) {
  harbor_.AddProject("team");
  HarborClient client = Client(harbor_);
  EXPECT_OK(client.CreatePreheatInstance(
      {.name = "kraken", .vendor = "dragonfly", .endpoint = "http://b:1"}));
  EXPECT_THAT(
      client.CreatePreheatInstance({.name = "other", .vendor = "kraken", .endpoint = "http://b:1"}),
      StatusIs(absl::StatusCode::kAlreadyExists));
  ASSERT_OK_AND_ASSIGN(auto instances, client.ListPreheatInstances());
  ASSERT_THAT(instances, SizeIs(1));
  EXPECT_OK(client.CreatePreheatPolicy("team", {.name = "auto", .provider_id = instances[0].id}));
  ASSERT_OK_AND_ASSIGN(auto policies, client.ListPreheatPolicies("team"));
  ASSERT_THAT(policies, SizeIs(1));
  EXPECT_EQ(policies[0].trigger, "event_based");
  policies[0].tags = "v*";
  EXPECT_OK(client.UpdatePreheatPolicy("team", policies[0]));
  EXPECT_EQ(harbor_.preheat_policies("team")[0].tags, "v*");
  EXPECT_THAT(client.DeletePreheatInstance("kraken"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("412")));
  EXPECT_OK(client.DeletePreheatPolicy("team", "auto"));
  EXPECT_OK(client.DeletePreheatInstance("kraken"));
}

TEST_F(HarborClientTest, APingReachesTheInstance) {
  const kraken::registry::testing::ScriptedServer bridge(
      [](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
        exchange->Respond(exchange->request().target == "/eu/healthy" ? 200 : 404, {}, "");
      });
  PreheatInstance instance = {
      .name = "kraken", .vendor = "dragonfly", .endpoint = bridge.url().ToString() + "eu"};
  HarborClient client = Client(harbor_);
  EXPECT_OK(client.PingPreheatInstance(instance));
  instance.vendor = "kraken";
  EXPECT_THAT(client.PingPreheatInstance(instance),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("unhealthy")));
}

TEST_F(HarborClientTest, NoCookieIsKept) {
  int with_cookie = 0;
  const kraken::registry::testing::ScriptedServer server(
      [&with_cookie](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
        if (exchange->request().headers.Has("Cookie")) ++with_cookie;
        exchange->Respond(200, {{"Set-Cookie", "sid=1; Path=/"}}, "[]");
      });
  HarborClient client({.name = "eu", .url = server.url()}, &http_);
  EXPECT_OK(client.ListProjects({}));
  EXPECT_OK(client.ListProjects({}));
  EXPECT_EQ(with_cookie, 0);
}

TEST_F(HarborClientTest, ARedirectIsNotFollowedAndSaysWhereTo) {
  const kraken::registry::testing::ScriptedServer server([](std::shared_ptr<
                                                                kraken::net::HttpExchange>
                                                                exchange,
                                                            int) {
    exchange->Respond(308, {{"Location", "https://hub.example/api/v2.0/projects?t=s3cret"}}, "");
  });
  HarborClient client({.name = "eu", .url = server.url()}, &http_);
  EXPECT_THAT(client.ListProjects({}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("https://hub.example"), Not(HasSubstr("s3cret")))));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(HarborClientTest, APortalsPageIsNoAnswer) {
  const kraken::registry::testing::ScriptedServer server(
      [](std::shared_ptr<kraken::net::HttpExchange> exchange, int) {
        exchange->Respond(200, {}, "<html>");
      });
  HarborClient client({.name = "eu", .url = server.url()}, &http_);
  EXPECT_THAT(client.Ping(), StatusIs(absl::StatusCode::kInternal, HasSubstr("Pong")));
  EXPECT_THAT(client.ListProjects({}), StatusIs(absl::StatusCode::kInternal));
}

TEST_F(HarborClientTest, SilenceEndsInTime) {
  harbor_.Hang(true);
  HarborClient client({.name = "eu", .url = harbor_.url(), .timeout = absl::Milliseconds(50)},
                      &http_);
  EXPECT_THAT(client.Ping(), StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("Harbor eu")));
}

TEST_F(HarborClientTest, APrivateAuthorityMustBeNamed) {
  const kraken::registry::testing::SelfSigned identity;
  const std::string directory = kraken::MakeTestDir();
  kraken::WriteTestFile(directory + "/cert.pem", identity.CertificatePem());
  kraken::WriteTestFile(directory + "/key.pem", identity.KeyPem());
  const auto server_tls = kraken::net::TlsContext::CreateServer(
      {.identity = {.certificate_file = directory + "/cert.pem",
                    .key_file = directory + "/key.pem"}});
  ASSERT_OK(server_tls);
  const FakeHarbor harbor({.tls = *server_tls});
  const auto trusting =
      kraken::net::TlsContext::CreateClient({.ca_files = {directory + "/cert.pem"}});
  ASSERT_OK(trusting);
  HarborClient client({.name = "eu", .url = harbor.url(), .tls = *trusting}, &http_);
  EXPECT_OK(client.Ping());
  const auto strict = kraken::net::TlsContext::CreateClient({});
  ASSERT_OK(strict);
  HarborClient suspicious({.name = "eu", .url = harbor.url(), .tls = *strict}, &http_);
  EXPECT_THAT(suspicious.Ping(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("harbors[].api.security.tls.cas")));
}

TEST(HasNextPageTest, TrustsTheLinkThenTheTotalThenTheCount) {
  EXPECT_TRUE(HasNextPage("</x?page=2>; rel=\"next\"", 5, {.page = 1, .size = 10}, 5));
  EXPECT_FALSE(HasNextPage("</x?page=1>; rel=\"prev\"", 50, {.page = 2, .size = 10}, 10));
  EXPECT_TRUE(HasNextPage("", 11, {.page = 1, .size = 10}, 10));
  EXPECT_FALSE(HasNextPage("", 10, {.page = 1, .size = 10}, 10));
  EXPECT_TRUE(HasNextPage("", -1, {.page = 1, .size = 10}, 10));
  EXPECT_FALSE(HasNextPage("", -1, {.page = 1, .size = 10}, 9));
}

}  // namespace
}  // namespace harbor_bridge::api
