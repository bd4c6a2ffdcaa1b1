#ifndef HARBOR_BRIDGE_RECONCILE_REGISTRY_WALK_H_
#define HARBOR_BRIDGE_RECONCILE_REGISTRY_WALK_H_

#include "absl/status/status.h"
#include "harbor_bridge/reconcile/findings.h"
#include "harbor_bridge/reconcile/pacer.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// A round through a bare registry, which knows no times: its catalog, the tags of each repository,
// and the digest that each tag stands for (a HEAD), compared with what is known. Every round is a
// full one. The first one ever makes no work: it only learns what was there before.
//
// Progress is durable repository by repository. Blocks; used by one thread.
class RegistryWalk {
 public:
  static constexpr size_t kCatalogPage = 100;
  // Tags that are compared and written down at a time.
  static constexpr size_t kTagBatch = 1000;

  // All outlive it.
  RegistryWalk(std::string harbor, kraken::registry::RegistryClient* registry,
               ReconcileStore* store, Findings* findings, Pacer* pacer,
               kraken::registry::Cancellation cancellation)
      : harbor_(std::move(harbor)),
        registry_(registry),
        store_(store),
        findings_(findings),
        pacer_(pacer),
        cancellation_(std::move(cancellation)) {}

  // As HarborWalk::Run().
  absl::Status Run(const RoundState& round);
  const absl::Status& problem() const { return problem_; }

 private:
  absl::Status WalkRepository(const kraken::RepositoryName& repository);
  absl::StatusOr<kraken::Digest> DigestOf(const kraken::RepositoryName& repository,
                                          const kraken::Tag& tag);

  const std::string harbor_;
  kraken::registry::RegistryClient* const registry_;
  ReconcileStore* const store_;
  Findings* const findings_;
  Pacer* const pacer_;
  const kraken::registry::Cancellation cancellation_;
  RoundState round_;
  absl::Status problem_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_REGISTRY_WALK_H_
