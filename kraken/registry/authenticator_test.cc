#include "kraken/registry/authenticator.h"

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::registry {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedServer;
using ::testing::SizeIs;

constexpr char kScope[] = "repository:library/debian:pull";

class AuthenticatorTest : public ::testing::Test {
 protected:
  std::unique_ptr<Authenticator> Make(absl::optional<BasicCredentials> credentials) {
    return std::make_unique<Authenticator>(*net::Url::Parse("http://127.0.0.1:5000"),
                                           std::move(credentials), std::vector<std::string>(),
                                           &http_, &clock_, nullptr, absl::Seconds(20));
  }
  net::HeaderMap Bearer() const {
    return {{"WWW-Authenticate",
             absl::StrCat("Bearer realm=\"", tokens_.url().ToString(), "\",service=\"s\"")}};
  }

  const BasicCredentials credentials_ = {"user", "password"};
  const net::HeaderMap basic_ = {{"WWW-Authenticate", "Basic realm=\"harbor\""}};
  net::BlockingHttpClient http_{net::HttpClientOptions()};
  ManualClock clock_;
  // Gives out "token-0", "token-1", …
  ScriptedServer tokens_{[](std::shared_ptr<net::HttpExchange> exchange, int index) {
    exchange->Respond(200, {}, absl::StrCat(R"({"token":"token-)", index, R"("})"));
  }};
};

TEST_F(AuthenticatorTest, SaysNothingUntilChallenged) {
  EXPECT_THAT(Make(credentials_)->AuthorizationFor(kScope), IsOkAndHolds(IsEmpty()));
}

TEST_F(AuthenticatorTest, BasicIsRememberedForAllScopes) {
  const auto authenticator = Make(credentials_);
  ASSERT_OK(authenticator->OnUnauthorized(basic_, kScope, ""));
  EXPECT_THAT(authenticator->AuthorizationFor("another"),
              IsOkAndHolds(BasicAuthorization(credentials_)));
}

TEST_F(AuthenticatorTest, BasicWithoutCredentialsIsHopeless) {
  EXPECT_THAT(Make(absl::nullopt)->OnUnauthorized(basic_, kScope, ""),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("none are configured")));
}

TEST_F(AuthenticatorTest, RefusedPasswordIsHopeless) {
  EXPECT_THAT(Make(credentials_)->OnUnauthorized(basic_, kScope, BasicAuthorization(credentials_)),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("refuses")));
}

TEST_F(AuthenticatorTest, BearerFetchesAToken) {
  const auto authenticator = Make(credentials_);
  ASSERT_OK(authenticator->OnUnauthorized(Bearer(), kScope, ""));
  EXPECT_THAT(authenticator->AuthorizationFor(kScope), IsOkAndHolds("Bearer token-0"));
  EXPECT_THAT(authenticator->AuthorizationFor(kScope), IsOkAndHolds("Bearer token-0"));
  EXPECT_THAT(tokens_.requests(), SizeIs(1));
}

TEST_F(AuthenticatorTest, RefusedTokenIsReplaced) {
  const auto authenticator = Make(credentials_);
  ASSERT_OK(authenticator->OnUnauthorized(Bearer(), kScope, ""));
  ASSERT_OK_AND_ASSIGN(const std::string first, authenticator->AuthorizationFor(kScope));
  ASSERT_OK(authenticator->OnUnauthorized(Bearer(), kScope, first));
  EXPECT_THAT(authenticator->AuthorizationFor(kScope), IsOkAndHolds("Bearer token-1"));
}

// harbor-core answers a bad token with a Basic challenge.
TEST_F(AuthenticatorTest, RefusedTokenIsReplacedEvenIfOnlyBasicIsOffered) {
  const auto authenticator = Make(credentials_);
  ASSERT_OK(authenticator->OnUnauthorized(Bearer(), kScope, ""));
  ASSERT_OK_AND_ASSIGN(const std::string first, authenticator->AuthorizationFor(kScope));
  ASSERT_OK(authenticator->OnUnauthorized(basic_, kScope, first));
  EXPECT_THAT(authenticator->AuthorizationFor(kScope), IsOkAndHolds("Bearer token-1"));
}

TEST_F(AuthenticatorTest, BearerIsPreferredToBasic) {
  const auto authenticator = Make(credentials_);
  net::HeaderMap both = basic_;
  both.Add("WWW-Authenticate", Bearer().GetOr("WWW-Authenticate"));
  ASSERT_OK(authenticator->OnUnauthorized(both, kScope, ""));
  EXPECT_THAT(authenticator->AuthorizationFor(kScope), IsOkAndHolds("Bearer token-0"));
}

TEST_F(AuthenticatorTest, UnreadableChallengeDoesNotHideAGoodOne) {
  const auto authenticator = Make(credentials_);
  net::HeaderMap headers = {{"WWW-Authenticate", "Weird \"\"\""}};
  headers.Add("WWW-Authenticate", "Basic realm=\"x\"");
  EXPECT_OK(authenticator->OnUnauthorized(headers, kScope, ""));
}

TEST_F(AuthenticatorTest, NoKnownSchemeIsHopeless) {
  for (const char* field : {"", "Negotiate", "Bearer service=\"no-realm\""}) {
    EXPECT_THAT(Make(credentials_)->OnUnauthorized({{"WWW-Authenticate", field}}, kScope, ""),
                StatusIs(absl::StatusCode::kUnauthenticated))
        << field;
  }
}

TEST_F(AuthenticatorTest, UntrustedRealmGetsNoPassword) {
  const net::HeaderMap evil = {
      {"WWW-Authenticate", "Bearer realm=\"http://evil.example/token\",service=\"s\""}};
  EXPECT_THAT(Make(credentials_)->OnUnauthorized(evil, kScope, ""),
              StatusIs(absl::StatusCode::kPermissionDenied));
}

TEST_F(AuthenticatorTest, MalformedRealmIsAnError) {
  EXPECT_THAT(Make(credentials_)
                  ->OnUnauthorized({{"WWW-Authenticate", "Bearer realm=\"ftp://x\""}}, kScope, ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("realm")));
}

}  // namespace
}  // namespace kraken::registry
