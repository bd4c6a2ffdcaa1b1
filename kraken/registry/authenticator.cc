#include "kraken/registry/authenticator.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/auth_challenge.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/token_client.h"

namespace kraken::registry {
namespace {

constexpr absl::string_view kBearerPrefix = "Bearer ";

}  // namespace

Authenticator::Authenticator(net::Url registry, absl::optional<BasicCredentials> credentials,
                             std::vector<std::string> trusted_realm_hosts,
                             net::BlockingHttpClient* http, const Clock* clock,
                             std::shared_ptr<const net::TlsContext> tls, absl::Duration timeout)
    : registry_(std::move(registry)),
      credentials_(std::move(credentials)),
      trusted_realm_hosts_(std::move(trusted_realm_hosts)),
      tokens_(http, clock, credentials_, std::move(tls), timeout) {}

absl::StatusOr<std::string> Authenticator::AuthorizationFor(absl::string_view scope) {
  TokenSource source;
  {
    absl::MutexLock lock(&mutex_);
    if (scheme_ == Scheme::kNone) return std::string();
    if (scheme_ == Scheme::kBasic) return BasicAuthorization(*credentials_);
    source = *source_;
  }
  KH_ASSIGN_OR_RETURN(const std::string token, tokens_.GetToken(source, scope));
  return absl::StrCat(kBearerPrefix, token);
}

absl::Status Authenticator::OnUnauthorized(const net::HeaderMap& response_headers,
                                           absl::string_view scope, absl::string_view sent) {
  const std::vector<AuthChallenge> challenges = ChallengesOf(response_headers);
  // Bearer first: it costs the registry less than a password check per request.
  absl::Status bearer_error;
  for (const AuthChallenge& challenge : challenges) {
    if (challenge.scheme != "bearer" || !challenge.Get("realm").has_value()) continue;
    bearer_error =
        UseBearer(*challenge.Get("realm"), challenge.Get("service").value_or(""), scope, sent);
    if (bearer_error.ok()) return absl::OkStatus();
  }
  for (const AuthChallenge& challenge : challenges) {
    if (challenge.scheme == "basic") return UseBasic(scope, sent);
  }
  if (!bearer_error.ok()) return bearer_error;
  return absl::UnauthenticatedError("the registry refuses and offers no way to authenticate");
}

absl::Status Authenticator::UseBearer(absl::string_view realm, absl::string_view service,
                                      absl::string_view scope, absl::string_view sent) {
  KH_ASSIGN_OR_RETURN(const TokenSource source,
                      TrustedTokenSource(registry_, realm, service, trusted_realm_hosts_));
  absl::MutexLock lock(&mutex_);
  const bool same_source = scheme_ == Scheme::kBearer && source_.has_value() && *source_ == source;
  scheme_ = Scheme::kBearer;
  source_ = source;
  absl::string_view refused = sent;
  if (same_source && absl::ConsumePrefix(&refused, kBearerPrefix)) {
    // It may have been revoked; with a new one the registry gets a second chance.
    tokens_.Invalidate(source, scope, refused);
  }
  return absl::OkStatus();
}

absl::Status Authenticator::UseBasic(absl::string_view scope, absl::string_view sent) {
  absl::MutexLock lock(&mutex_);
  absl::string_view refused = sent;
  if (scheme_ == Scheme::kBearer && absl::ConsumePrefix(&refused, kBearerPrefix)) {
    // Harbor answers a token that it refuses so. A new one keeps us from a password per request.
    tokens_.Invalidate(*source_, scope, refused);
    return absl::OkStatus();
  }
  if (!credentials_.has_value()) {
    return absl::UnauthenticatedError(
        "the registry wants a user name and a password, and none are configured");
  }
  if (sent == BasicAuthorization(*credentials_)) {
    return absl::UnauthenticatedError("the registry refuses the configured user name and password");
  }
  scheme_ = Scheme::kBasic;
  return absl::OkStatus();
}

}  // namespace kraken::registry
