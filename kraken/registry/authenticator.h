#ifndef KRAKEN_REGISTRY_AUTHENTICATOR_H_
#define KRAKEN_REGISTRY_AUTHENTICATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/base/clock.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/token_client.h"

namespace kraken::registry {

// What to say in the Authorization field to one registry. Nothing, until the registry challenges;
// then, for good, what it asked for: Basic credentials, or a bearer token per scope. So a challenge
// costs one exchange in the life of a process, not one per operation.
//
// Thread-safe; blocks when a token must be fetched.
class Authenticator {
 public:
  // `http` and `clock` outlive this object. `trusted_realm_hosts`: see CheckTokenRealm().
  Authenticator(net::Url registry, absl::optional<BasicCredentials> credentials,
                std::vector<std::string> trusted_realm_hosts, net::BlockingHttpClient* http,
                const Clock* clock, std::shared_ptr<const net::TlsContext> tls,
                absl::Duration timeout);

  // The field's value for a request in `scope`; empty: none. Errors as TokenClient::GetToken().
  absl::StatusOr<std::string> AuthorizationFor(absl::string_view scope);

  // Learns from a 401 to a request in `scope` that carried `sent`. OK: asking again with
  // AuthorizationFor() may help. UNAUTHENTICATED: it won't (the registry refuses these credentials,
  // wants some and none are configured, or offers no way that we know). PERMISSION_DENIED: the
  // realm is not to be trusted.
  absl::Status OnUnauthorized(const net::HeaderMap& response_headers, absl::string_view scope,
                              absl::string_view sent);

 private:
  enum class Scheme { kNone, kBasic, kBearer };

  absl::Status UseBearer(absl::string_view realm, absl::string_view service,
                         absl::string_view scope, absl::string_view sent);
  absl::Status UseBasic(absl::string_view scope, absl::string_view sent);

  const net::Url registry_;
  const absl::optional<BasicCredentials> credentials_;
  const std::vector<std::string> trusted_realm_hosts_;
  TokenClient tokens_;
  absl::Mutex mutex_;
  Scheme scheme_ ABSL_GUARDED_BY(mutex_) = Scheme::kNone;
  absl::optional<TokenSource> source_ ABSL_GUARDED_BY(mutex_);  // of kBearer
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_AUTHENTICATOR_H_
