#include "kraken/registry/token_client.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/token_cache.h"

namespace kraken::registry {
namespace {

constexpr uint64_t kMaxTokenResponseBytes = 64 * 1024;
// Registries put tokens into one header field; ours must fit into the client's line limit.
constexpr size_t kMaxTokenBytes = 15 * 1024;
constexpr absl::Duration kDefaultLifetime = absl::Seconds(60);
constexpr absl::Duration kMaxLifetime = absl::Hours(24);

// Characters of RFC 6750's b64token: anything else must not get into a header field.
bool IsTokenText(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxTokenBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string WithQuery(const std::string& target, absl::string_view service,
                      absl::string_view scope) {
  std::string result = target;
  char separator = target.find('?') == std::string::npos ? '?' : '&';
  if (!service.empty()) {
    absl::StrAppend(&result, std::string(1, separator), "service=", net::PercentEncode(service));
    separator = '&';
  }
  if (!scope.empty()) {
    absl::StrAppend(&result, std::string(1, separator), "scope=", net::PercentEncode(scope));
  }
  return result;
}

}  // namespace

absl::StatusOr<net::Url> CheckTokenRealm(const net::Url& registry, const net::Url& realm,
                                         absl::Span<const std::string> trusted_hosts) {
  if (realm.host == registry.host) {
    net::Url own = realm;
    if (own.scheme != registry.scheme) {
      own.scheme = registry.scheme;
      own.port = registry.port;
    }
    return own;
  }
  if (realm.is_https()) return realm;
  const bool trusted =
      std::any_of(trusted_hosts.begin(), trusted_hosts.end(), [&realm](const std::string& host) {
        return host == realm.host || host == realm.host_port();
      });
  if (trusted && !registry.is_https()) return realm;
  return absl::PermissionDeniedError(absl::StrCat("registry ", registry.host_port(),
                                                  " names the token realm ", realm.ToLogString(),
                                                  ", which is neither https nor a trusted host"));
}

absl::StatusOr<TokenSource> TrustedTokenSource(const net::Url& registry, absl::string_view realm,
                                               absl::string_view service,
                                               absl::Span<const std::string> trusted_hosts) {
  const absl::StatusOr<net::Url> url = net::Url::Parse(realm);
  if (!url.ok()) return Annotate(url.status(), "token realm");
  KH_ASSIGN_OR_RETURN(net::Url trusted, CheckTokenRealm(registry, *url, trusted_hosts));
  return TokenSource{std::move(trusted), std::string(service)};
}

net::Url TokenUrl(const TokenSource& source, absl::string_view scope) {
  net::Url url = source.realm;
  url.target = WithQuery(source.realm.target, source.service, scope);
  return url;
}

absl::StatusOr<BearerToken> ParseTokenResponse(absl::string_view body) {
  const absl::StatusOr<nlohmann::json> document = ParseJson(body);
  // The parser's message could repeat a part of a token.
  if (!document.ok()) return absl::InvalidArgumentError("not JSON");
  BearerToken token;
  token.value = JsonString(FindJson(*document, "token")).value_or("");
  if (token.value.empty()) {
    token.value = JsonString(FindJson(*document, "access_token")).value_or("");
  }
  if (!IsTokenText(token.value)) return absl::InvalidArgumentError("no usable token");
  const std::optional<int64_t> seconds = JsonInt64(FindJson(*document, "expires_in"));
  token.lifetime = kDefaultLifetime;
  if (seconds.has_value() && *seconds > 0) {
    token.lifetime = std::min(absl::Seconds(*seconds), kMaxLifetime);
  }
  return token;
}

TokenClient::TokenClient(net::BlockingHttpClient* http, const Clock* clock,
                         absl::optional<BasicCredentials> credentials,
                         std::shared_ptr<const net::TlsContext> tls, absl::Duration timeout)
    : http_(http),
      clock_(clock),
      credentials_(std::move(credentials)),
      tls_(std::move(tls)),
      timeout_(timeout) {}

absl::StatusOr<std::string> TokenClient::GetToken(const TokenSource& source,
                                                  absl::string_view scope) {
  const std::string key = Key(source, scope);
  std::shared_ptr<InFlight> request;
  {
    absl::MutexLock lock(&mutex_);
    if (absl::optional<std::string> token = cache_.Get(key, clock_->MonotonicNow())) return *token;
    std::shared_ptr<InFlight>& slot = in_flight_[key];
    if (slot != nullptr) {
      const std::shared_ptr<InFlight> others = slot;
      mutex_.Await(absl::Condition(&others->done));
      return others->token;
    }
    slot = std::make_shared<InFlight>();
    request = slot;
  }
  // From before the request: a token's life begins at the issuer.
  const MonotonicTime asked = clock_->MonotonicNow();
  const absl::StatusOr<BearerToken> token = Fetch(source, scope);
  absl::MutexLock lock(&mutex_);
  in_flight_.erase(key);
  request->done = true;
  if (!token.ok()) {
    request->token = token.status();
  } else {
    request->token = token->value;
    cache_.Put(key, *token, asked);
  }
  return request->token;
}

void TokenClient::Invalidate(const TokenSource& source, absl::string_view scope,
                             absl::string_view token) {
  absl::MutexLock lock(&mutex_);
  cache_.Invalidate(Key(source, scope), token);
}

std::string TokenClient::Key(const TokenSource& source, absl::string_view scope) {
  return absl::StrCat(source.realm.ToString(), "\n", source.service, "\n", scope);
}

absl::StatusOr<BearerToken> TokenClient::Fetch(const TokenSource& source, absl::string_view scope) {
  const std::string what = absl::StrCat("token for ", scope.empty() ? "no scope" : scope, " from ",
                                        source.realm.ToLogString());
  net::HttpClientRequest request;
  request.url = TokenUrl(source, scope);
  request.headers.Add("Accept", "application/json");
  if (credentials_.has_value()) {
    request.headers.Add("Authorization", BasicAuthorization(*credentials_));
  }
  request.tls = tls_;
  request.timeouts.head = timeout_;
  request.timeouts.progress = timeout_;
  request.max_body_bytes = kMaxTokenResponseBytes;
  absl::StatusOr<net::HttpResponse> response = http_->Fetch(std::move(request));
  if (!response.ok()) return Annotate(response.status(), what);
  if (response->status != 200) return StatusFromResponse(response->status, response->body, what);
  absl::StatusOr<BearerToken> token = ParseTokenResponse(response->body);
  if (!token.ok()) {
    return absl::InternalError(absl::StrCat(what, ": ", token.status().message()));
  }
  return token;
}

}  // namespace kraken::registry
