#include "kraken/registry/token_client.h"

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::registry {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedServer;
using ::testing::SizeIs;

constexpr absl::Duration kTimeout = absl::Seconds(20);
constexpr char kScope[] = "repository:library/debian:pull";

net::Url U(absl::string_view text) { return *net::Url::Parse(text); }

TEST(CheckTokenRealmTest, OwnHostIsAskedTheWayTheRegistryIs) {
  // Harbor names its external scheme to who comes over plain HTTP from inside the cluster.
  const auto inside =
      CheckTokenRealm(U("http://core.repo.svc:80"), U("https://core.repo.svc/service/token"), {});
  ASSERT_OK(inside);
  EXPECT_EQ(inside->ToString(), "http://core.repo.svc/service/token");
  const auto raised = CheckTokenRealm(U("https://h:8443"), U("http://h/service/token"), {});
  ASSERT_OK(raised);
  EXPECT_EQ(raised->ToString(), "https://h:8443/service/token");
}

TEST(CheckTokenRealmTest, OwnHostWithTheSameSchemeKeepsItsPort) {
  const auto realm = CheckTokenRealm(U("http://h:5000"), U("http://h:5001/token"), {});
  ASSERT_OK(realm);
  EXPECT_EQ(realm->port, 5001);
}

TEST(CheckTokenRealmTest, OtherHostsMustBeHttpsOrTrusted) {
  EXPECT_OK(CheckTokenRealm(U("https://registry-1.docker.io"), U("https://auth.docker.io/t"), {}));
  EXPECT_OK(CheckTokenRealm(U("http://h:5000"), U("https://auth.example/t"), {}));
  EXPECT_THAT(CheckTokenRealm(U("http://h:5000"), U("http://evil.example/t"), {}),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("evil.example")));
  EXPECT_OK(CheckTokenRealm(U("http://h:5000"), U("http://core:8080/t"), {"core"}));
  EXPECT_OK(CheckTokenRealm(U("http://h:5000"), U("http://core:8080/t"), {"x", "core:8080"}));
  EXPECT_FALSE(CheckTokenRealm(U("http://h:5000"), U("http://core:8080/t"), {"core:80"}).ok());
  // Trust never takes TLS off.
  EXPECT_FALSE(CheckTokenRealm(U("https://h"), U("http://core/t"), {"core"}).ok());
}

TEST(ParseTokenResponseTest, TakesEitherName) {
  // Harbor's own.
  const auto harbor =
      ParseTokenResponse(R"({"token":"abc","access_token":"","expires_in":1800,"issued_at":"x"})");
  ASSERT_OK(harbor);
  EXPECT_EQ(harbor->value, "abc");
  EXPECT_EQ(harbor->lifetime, absl::Minutes(30));
  const auto oauth = ParseTokenResponse(R"({"access_token":"def"})");
  ASSERT_OK(oauth);
  EXPECT_EQ(oauth->value, "def");
  EXPECT_EQ(oauth->lifetime, absl::Seconds(60));
}

TEST(ParseTokenResponseTest, LifetimesAreBounded) {
  EXPECT_EQ(ParseTokenResponse(R"({"token":"a","expires_in":-5})")->lifetime, absl::Seconds(60));
  EXPECT_EQ(ParseTokenResponse(R"({"token":"a","expires_in":99999999999})")->lifetime,
            absl::Hours(24));
}

TEST(ParseTokenResponseTest, RefusesWhatHasNoUsableToken) {
  const std::string huge(20000, 'a');
  for (const std::string& body :
       {std::string(), std::string("secret-text"), std::string("{}"), std::string("[]"),
        std::string(R"({"token":7})"), std::string(R"({"token":"a\r\nX: y"})"),
        std::string(R"({"token":"a b"})"), absl::StrCat(R"({"token":")", huge, R"("})")}) {
    EXPECT_THAT(ParseTokenResponse(body),
                StatusIs(absl::StatusCode::kInvalidArgument, Not(HasSubstr("secret"))))
        << body.substr(0, 50);
  }
}

class TokenClientTest : public ::testing::Test {
 protected:
  std::unique_ptr<TokenClient> Client(absl::optional<BasicCredentials> credentials) {
    return std::make_unique<TokenClient>(&http_, &clock_, std::move(credentials), nullptr,
                                         kTimeout);
  }
  TokenSource Source(const ScriptedServer& server) {
    TokenSource source{server.url(), "harbor-registry"};
    source.realm.target = "/service/token";
    return source;
  }
  // Answers each request with a token of its own: "token-0", "token-1", …
  ScriptedServer::Handler NumberedTokens() {
    return [](std::shared_ptr<net::HttpExchange> exchange, int index) {
      exchange->Respond(200, {},
                        absl::StrCat(R"({"token":"token-)", index, R"(","expires_in":100})"));
    };
  }

  net::BlockingHttpClient http_{net::HttpClientOptions()};
  ManualClock clock_;
};

TEST_F(TokenClientTest, AsksForServiceAndScopeWithCredentials) {
  ScriptedServer server(NumberedTokens());
  const BasicCredentials credentials = {"robot$kraken", "secret"};
  EXPECT_THAT(Client(credentials)->GetToken(Source(server), kScope), IsOkAndHolds("token-0"));
  ASSERT_THAT(server.requests(), SizeIs(1));
  EXPECT_EQ(server.requests()[0].target,
            "/service/token?service=harbor-registry&scope=repository%3Alibrary%2Fdebian%3Apull");
  EXPECT_EQ(server.requests()[0].headers.GetOr("Authorization"), BasicAuthorization(credentials));
}

TEST_F(TokenClientTest, WithoutCredentialsAsksAnonymously) {
  ScriptedServer server(NumberedTokens());
  EXPECT_OK(Client(absl::nullopt)->GetToken(Source(server), kScope));
  EXPECT_FALSE(server.requests()[0].headers.Has("Authorization"));
}

TEST_F(TokenClientTest, KeepsTokensPerScopeUntilTheyRunOut) {
  ScriptedServer server(NumberedTokens());
  const auto client = Client(absl::nullopt);
  EXPECT_THAT(client->GetToken(Source(server), "a"), IsOkAndHolds("token-0"));
  EXPECT_THAT(client->GetToken(Source(server), "a"), IsOkAndHolds("token-0"));
  EXPECT_THAT(client->GetToken(Source(server), "b"), IsOkAndHolds("token-1"));
  clock_.Advance(absl::Seconds(80));
  EXPECT_THAT(client->GetToken(Source(server), "a"), IsOkAndHolds("token-2"));
}

TEST_F(TokenClientTest, RefusedTokenIsFetchedAnew) {
  ScriptedServer server(NumberedTokens());
  const auto client = Client(absl::nullopt);
  EXPECT_OK(client->GetToken(Source(server), kScope));
  client->Invalidate(Source(server), kScope, "token-0");
  EXPECT_THAT(client->GetToken(Source(server), kScope), IsOkAndHolds("token-1"));
}

TEST_F(TokenClientTest, ManyCallersShareOneRequest) {
  constexpr int kCallers = 8;
  absl::Notification all_started;
  std::shared_ptr<net::HttpExchange> held;
  absl::Notification arrived;
  ScriptedServer server([&](std::shared_ptr<net::HttpExchange> exchange, int) {
    held = std::move(exchange);
    arrived.Notify();
  });
  const auto client = Client(absl::nullopt);
  std::vector<std::thread> callers;
  std::vector<absl::StatusOr<std::string>> tokens(kCallers, absl::UnknownError(""));
  callers.emplace_back([&] { tokens[0] = client->GetToken(Source(server), kScope); });
  arrived.WaitForNotification();
  for (int i = 1; i < kCallers; ++i) {
    callers.emplace_back([&, i] { tokens[i] = client->GetToken(Source(server), kScope); });
  }
  held->Post([](net::HttpExchange& exchange) {
    exchange.Respond(200, {}, R"({"token":"shared","expires_in":100})");
  });
  for (std::thread& caller : callers) caller.join();
  for (const auto& token : tokens) EXPECT_THAT(token, IsOkAndHolds("shared"));
  EXPECT_THAT(server.requests(), SizeIs(1));
}

TEST_F(TokenClientTest, ErrorsNameRealmAndScopeButNoSecret) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(401, {}, R"({"errors":[{"code":"UNAUTHORIZED","message":"no"}]})");
  });
  const auto client = Client(BasicCredentials{"robot", "very-secret"});
  EXPECT_THAT(client->GetToken(Source(server), kScope),
              StatusIs(absl::StatusCode::kUnauthenticated,
                       AllOf(HasSubstr(kScope), HasSubstr(server.url().host_port()),
                             HasSubstr("UNAUTHORIZED"), Not(HasSubstr("secret")))));
}

TEST_F(TokenClientTest, AnswerWithoutTokenIsAnError) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, "<html>login</html>");
  });
  EXPECT_THAT(Client(absl::nullopt)->GetToken(Source(server), kScope),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("service/token")));
}

TEST_F(TokenClientTest, OverlongAnswerIsCutOff) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {}, std::string(100 * 1024, ' '));
  });
  EXPECT_THAT(Client(absl::nullopt)->GetToken(Source(server), kScope),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace kraken::registry
