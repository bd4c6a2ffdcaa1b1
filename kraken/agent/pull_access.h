#ifndef KRAKEN_AGENT_PULL_ACCESS_H_
#define KRAKEN_AGENT_PULL_ACCESS_H_

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/access/access_config.h"
#include "kraken/access/access_gate.h"
#include "kraken/access/token_realm.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/registry_client.h"

namespace kraken::agent {

// Section `access` at work: who may pull from this agent, where its clients get tokens, and what
// only Harbor can tell them. Thread-safe.
class PullAccess {
 public:
  using Exchange = std::shared_ptr<net::HttpExchange>;
  using Serve = std::function<void(Exchange)>;

  // FAILED_PRECONDITION: an address or a TLS file is wrong.
  static absl::StatusOr<std::unique_ptr<PullAccess>> Create(const access::AccessConfig& config);
  ~PullAccess();

  // In the exchange's loop. Calls `serve` there, now or later, if the client may pull; else answers
  // as Harbor does, with a challenge that leads here.
  void Authorize(Exchange exchange, const access::Pull& pull, registry::ResourceKind kind,
                 Serve serve);

  // GET /service/token.
  void HandleToken(Exchange exchange) { realm_->Handle(std::move(exchange)); }

  // Lists of tags and of referrers come from the Harbor that owns the repository, asked with the
  // client's credentials. 404 where none is configured.
  void ServeTagList(Exchange exchange, const Namespace& ns);
  void ServeReferrers(Exchange exchange, const Namespace& ns, const Digest& digest);

  void AddEdges(const Namespace& ns, absl::Span<const Digest> digests) {
    gate_->AddEdges(ns, digests);
  }

  // What is under way ends soon with an error; blocks until it has. No effect again.
  void Shutdown();

 private:
  using Fetch = std::function<absl::StatusOr<net::HttpResponse>(registry::RegistryClient& harbor)>;

  PullAccess();
  void ServeList(Exchange exchange, const Namespace& ns, Fetch fetch);
  // In the exchange's loop.
  void Refuse(net::HttpExchange& exchange, const absl::optional<Namespace>& ns,
              const absl::Status& status, registry::ResourceKind kind) const;

  SystemBitGen bits_;
  net::BlockingHttpClient http_;
  WorkerPool pool_;
  std::unique_ptr<access::AccessGate> gate_;
  std::unique_ptr<access::TokenRealm> realm_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_PULL_ACCESS_H_
