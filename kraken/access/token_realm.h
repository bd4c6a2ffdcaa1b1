#ifndef KRAKEN_ACCESS_TOKEN_REALM_H_
#define KRAKEN_ACCESS_TOKEN_REALM_H_

#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "kraken/access/access_gate.h"
#include "kraken/base/namespace.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/token_client.h"

namespace kraken::access {

// Where clients of an agent get their tokens: at the agent, which passes them on from the Harbor
// that owns the repository. So a client needs to reach nobody else, and its credentials go where
// they would go without us.
//
// Thread-safe.
class TokenRealm {
 public:
  static constexpr absl::string_view kPath = "/service/token";

  // All outlive it.
  TokenRealm(AccessGate* gate, net::BlockingHttpClient* http, WorkerPool* pool)
      : gate_(gate), http_(http), pool_(pool) {}

  // GET kPath, as a challenge names it: ?service=…&scope=repository:library/debian:pull. Answers
  // what Harbor's token server answers; 404 where nobody asks for tokens, 405 for other methods (so
  // that containerd goes on with GET).
  void Handle(std::shared_ptr<net::HttpExchange> exchange);

  // The WWW-Authenticate field for who asks for `ns` without credentials that would do.
  std::string ChallengeFor(const net::HttpExchange& exchange,
                           const absl::optional<Namespace>& ns) const;

 private:
  absl::StatusOr<net::HttpResponse> Relay(const AccessPolicy& policy, absl::string_view scope,
                                          absl::string_view authorization);
  absl::StatusOr<registry::TokenSource> SourceOf(const AccessPolicy& policy);

  AccessGate* const gate_;
  net::BlockingHttpClient* const http_;
  WorkerPool* const pool_;
  absl::Mutex mutex_;
  // What Harbor's challenge says; it changes with Harbor's configuration only.
  absl::flat_hash_map<const AccessPolicy*, registry::TokenSource> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_TOKEN_REALM_H_
