#ifndef KRAKEN_REGISTRY_TESTING_TOKEN_SERVER_H_
#define KRAKEN_REGISTRY_TESTING_TOKEN_SERVER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_server.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/self_signed.h"

namespace kraken::registry::testing {

struct TokenServerOptions {
  // For the certificate that the registry checks tokens with.
  std::string directory;
  // Whom to give tokens to; nothing: everybody.
  absl::optional<BasicCredentials> credentials;
  // Instead: whether who sends this Authorization field ("": nobody in particular) may pull from a
  // repository. As Harbor does it, a token without any right is the answer to who may not. An error
  // is a 401.
  std::function<absl::StatusOr<bool>(absl::string_view authorization, absl::string_view repository)>
      may_pull;
  absl::Duration token_lifetime = absl::Minutes(30);
};

// Gives out bearer tokens as harbor-core does (GET /service/token, JSON Web Tokens that a registry
// with `auth: token` really checks). Thread-safe.
class TokenServer {
 public:
  // Serves on 127.0.0.1 in `loop`, which outlives it.
  static absl::StatusOr<std::unique_ptr<TokenServer>> Start(net::EventLoop* loop,
                                                            TokenServerOptions options);

  // What the registry must be told.
  RegistryTokenAuth registry_auth() const;
  // A token for "repository:library/debian:pull,push".
  std::string Mint(absl::string_view scope) const { return Mint(scope, options_.token_lifetime); }
  // Negative: it has expired already.
  std::string Mint(absl::string_view scope, absl::Duration lifetime) const;
  // The scopes that were asked for, in order.
  std::vector<std::string> requested_scopes() const;

 private:
  explicit TokenServer(TokenServerOptions options) : options_(std::move(options)) {}
  void Handle(net::HttpExchange& exchange);

  const TokenServerOptions options_;
  const SelfSigned identity_;
  std::string certificate_file_;
  std::string realm_;
  mutable absl::Mutex mutex_;
  std::vector<std::string> requested_scopes_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<net::HttpServer> server_;
};

}  // namespace kraken::registry::testing

#endif  // KRAKEN_REGISTRY_TESTING_TOKEN_SERVER_H_
