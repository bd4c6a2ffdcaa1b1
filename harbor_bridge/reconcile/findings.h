#ifndef HARBOR_BRIDGE_RECONCILE_FINDINGS_H_
#define HARBOR_BRIDGE_RECONCILE_FINDINGS_H_

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "harbor_bridge/reconcile/reconcile_sink.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"

namespace harbor_bridge {

// What one Harbor has, compared with what is known: what both kinds of walk do with an image that
// they come upon. Used by one thread; counters by any.
class Findings {
 public:
  // All outlive it.
  Findings(const Harbors* harbors, const Harbor* harbor, ReconcileStore* store, ReconcileSink* sink)
      : harbors_(harbors), harbor_(harbor), store_(store), sink_(sink) {}

  // An image that Harbor has. `tag` null: it has none. `pushed`: when it became so, as far as is
  // known; images from before `floor` are remembered and no work.
  void Add(const kraken::RepositoryName& repository, const kraken::Tag* tag,
           const kraken::Digest& digest, absl::Time pushed, absl::Time floor);
  // Makes work of what was added and is new, and writes down that it was seen, together with
  // `state` of `scope`.
  absl::Status Commit(absl::string_view scope, const ScopeState& state);

  // Looks after known references that a full round has not shown. `exists` asks Harbor for a tag:
  // its digest, or NOT_FOUND; FAILED_PRECONDITION or PERMISSION_DENIED leave it as it is.
  using Exists = std::function<absl::StatusOr<kraken::Digest>(const kraken::RepositoryName&,
                                                              const kraken::Tag&)>;
  absl::Status Sweep(int64_t round, const Exists& exists);

  // References that became work.
  uint64_t found() const { return found_.load(std::memory_order_relaxed); }
  // Tags that are gone.
  uint64_t gone() const { return gone_.load(std::memory_order_relaxed); }

 private:
  struct Candidate {
    KnownReference known;
    kraken::RepositoryName repository;
    bool is_old = false;
  };

  absl::Status SweepOne(const KnownReference& known, int64_t round, const Exists& exists);

  const Harbors* const harbors_;
  const Harbor* const harbor_;
  ReconcileStore* const store_;
  ReconcileSink* const sink_;
  std::vector<Candidate> candidates_;
  std::atomic<uint64_t> found_{0};
  std::atomic<uint64_t> gone_{0};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_FINDINGS_H_
