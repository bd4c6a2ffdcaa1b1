#ifndef KRAKEN_ACCESS_ACCESS_GATE_H_
#define KRAKEN_ACCESS_ACCESS_GATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/access/access_config.h"
#include "kraken/access/client_credential.h"
#include "kraken/access/edge_table.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/lru_cache.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace kraken::access {

// What a client wants to pull.
struct Pull {
  // Nothing: it only asks whether its credentials are good for anything (GET /v2/).
  absl::optional<Namespace> ns;
  // One of these, with a namespace.
  absl::optional<Reference> manifest;
  absl::optional<Digest> blob;
};

// A rule, ready to be used.
struct AccessPolicy {
  std::shared_ptr<const re2::RE2> pattern;
  AccessMode mode = AccessMode::kOpen;
  ChallengeKind challenge = ChallengeKind::kBearer;
  // How to speak to Harbor; its credentials are those of mode `node`.
  absl::optional<registry::RegistryClientOptions> harbor;
};

// Keeps Harbor's access rules where Harbor does not serve the bytes: asks the Harbor that owns a
// repository whether a client may pull, with the client's own credentials, and remembers the answer
// for a short time. What Harbor refuses (401, 403, 404, and 412 of its policies) is refused as
// Harbor does it.
//
// A blob may be pulled through a repository of which its client has been let pull something lately,
// if a manifest of that repository names it; else Harbor is asked for the blob itself.
//
// Thread-safe.
class AccessGate {
 public:
  // OK: may be served. UNAUTHENTICATED: the client is to be challenged. Else what Harbor answered
  // (registry::ReplyFor tells the client), or UNAVAILABLE: Harbor did not.
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // All outlive it; `bits` is thread-safe. Reads config.edges_file. FAILED_PRECONDITION: an address
  // or a TLS file is wrong.
  static absl::StatusOr<std::unique_ptr<AccessGate>> Create(const AccessConfig& config,
                                                            net::BlockingHttpClient* http,
                                                            WorkerPool* pool, const Clock* clock,
                                                            BitGen* bits);

  ~AccessGate();

  // The answer, if Harbor need not be asked for it. REQUIRES for this and Check(): PolicyFor() gave
  // `policy`, and it is not open.
  absl::optional<absl::Status> CheckNow(const AccessPolicy& policy, const Pull& pull,
                                        const ClientCredential& client);
  // Asks Harbor, on the pool. `done` is called there, or in this call if the pool takes no more.
  void Check(const AccessPolicy& policy, Pull pull, ClientCredential client, Done done);

  // A manifest of the repository, which was served, names these.
  void AddEdges(const Namespace& ns, absl::Span<const Digest> digests);

  // The first policy that matches, or null: open. Without a namespace: the first that asks for
  // credentials.
  const AccessPolicy* PolicyFor(const absl::optional<Namespace>& ns) const;

  // A client of the policy's Harbor that speaks for `client`. REQUIRES: policy.harbor.
  std::unique_ptr<registry::RegistryClient> HarborFor(const AccessPolicy& policy,
                                                      const ClientCredential& client);

  // Ends what is under way, now and later, with CANCELLED.
  void Shutdown() { shutdown_.Cancel(); }
  const registry::Cancellation& shutdown() const { return shutdown_; }

 private:
  struct Decision {
    absl::Status status;
    MonotonicTime at;
  };

  AccessGate(const AccessConfig& config, net::BlockingHttpClient* http, WorkerPool* pool,
             const Clock* clock, BitGen* bits);

  std::string NameOf(const AccessPolicy& policy, const ClientCredential& client) const;
  absl::optional<absl::Status> Remembered(const Pull& pull, const std::string& name,
                                          absl::Duration ok_ttl, absl::Duration refusal_ttl);
  absl::Status Ask(const AccessPolicy& policy, const Pull& pull, const ClientCredential& client);
  absl::Status AskForManifest(registry::RegistryClient& harbor, const Pull& pull,
                              const RepositoryName& repository);
  absl::Status AskHarbor(const AccessPolicy& policy, const Pull& pull,
                         const ClientCredential& client);
  absl::Status WithoutHarbor(const Pull& pull, const std::string& name,
                             const absl::Status& failure);
  // Stores what is new. Blocks.
  void KeepEdges();

  const AccessConfig config_;
  std::vector<AccessPolicy> policies_;
  net::BlockingHttpClient* const http_;
  WorkerPool* const pool_;
  const Clock* const clock_;
  BitGen* const bits_;
  const CredentialHasher hasher_;
  registry::Cancellation shutdown_;
  LruCache<std::string, Decision> decisions_;
  EdgeTable edges_;
  // Of (namespace, reference): when Harbor last saw a GET.
  LruCache<std::string, MonotonicTime> pull_times_;
};

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_ACCESS_GATE_H_
