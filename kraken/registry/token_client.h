#ifndef KRAKEN_REGISTRY_TOKEN_CLIENT_H_
#define KRAKEN_REGISTRY_TOKEN_CLIENT_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/token_cache.h"

namespace kraken::registry {

// Where tokens come from: a Bearer challenge's realm and service.
struct TokenSource {
  net::Url realm;
  std::string service;

  friend bool operator==(const TokenSource& a, const TokenSource& b) {
    return a.realm.ToString() == b.realm.ToString() && a.service == b.service;
  }
};

// Whether, and how, credentials may be sent to the realm that `registry` has named.
//
//  - On the registry's own host it is asked the way the registry is: with another scheme, the
//    registry's scheme and port replace the realm's. Harbor names its external scheme even to who
//    comes from inside the cluster over plain HTTP.
//  - Elsewhere it must be https, or its host be one of `trusted_hosts` ("host" or "host:port"),
//    so that nobody on the way to a plain HTTP registry can lead a password away.
//
// Returns the URL to ask. PERMISSION_DENIED: not to be trusted.
absl::StatusOr<net::Url> CheckTokenRealm(const net::Url& registry, const net::Url& realm,
                                         absl::Span<const std::string> trusted_hosts);

// What a Bearer challenge of `registry` with this realm and service means. Errors as
// CheckTokenRealm(); INVALID_ARGUMENT: the realm is no URL.
absl::StatusOr<TokenSource> TrustedTokenSource(const net::Url& registry, absl::string_view realm,
                                               absl::string_view service,
                                               absl::Span<const std::string> trusted_hosts);

// Where to GET a token for `scope`; several scopes are parted by spaces.
net::Url TokenUrl(const TokenSource& source, absl::string_view scope);

// Reads a token server's answer: `token`, or `access_token` if that is empty (Harbor sends
// "access_token": ""), and `expires_in` (60 s if missing, as distribution's token specification
// has it). INVALID_ARGUMENT: no token in it.
absl::StatusOr<BearerToken> ParseTokenResponse(absl::string_view body);

// Fetches bearer tokens with one set of credentials and keeps them until they run out. For each
// scope, at most one request is under way; others who want it wait for its outcome and share it, an
// error too: a dead token server costs everybody one time limit, not one after the other.
//
// Thread-safe; blocks.
class TokenClient {
 public:
  // `http` and `clock` outlive this object. Without credentials tokens are asked for anonymously.
  TokenClient(net::BlockingHttpClient* http, const Clock* clock,
              absl::optional<BasicCredentials> credentials,
              std::shared_ptr<const net::TlsContext> tls, absl::Duration timeout);

  // A token for `scope`, for example "repository:library/debian:pull". Errors name the realm and
  // the scope: UNAUTHENTICATED (401: wrong credentials), UNAVAILABLE, INTERNAL (no token in the
  // answer).
  absl::StatusOr<std::string> GetToken(const TokenSource& source, absl::string_view scope);

  // A registry has refused this token.
  void Invalidate(const TokenSource& source, absl::string_view scope, absl::string_view token);

 private:
  // One request and its outcome, shared by all who wait for it. Guarded by mutex_.
  struct InFlight {
    bool done = false;
    absl::StatusOr<std::string> token = absl::UnknownError("not there yet");
  };

  static std::string Key(const TokenSource& source, absl::string_view scope);
  absl::StatusOr<BearerToken> Fetch(const TokenSource& source, absl::string_view scope);

  net::BlockingHttpClient* const http_;
  const Clock* const clock_;
  const absl::optional<BasicCredentials> credentials_;
  const std::shared_ptr<const net::TlsContext> tls_;
  const absl::Duration timeout_;
  absl::Mutex mutex_;
  TokenCache cache_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, std::shared_ptr<InFlight>> in_flight_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_TOKEN_CLIENT_H_
