#ifndef HARBOR_BRIDGE_WORK_IMAGE_INVALIDATION_H_
#define HARBOR_BRIDGE_WORK_IMAGE_INVALIDATION_H_

#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/agent_orders.h"
#include "harbor_bridge/work/cluster_writer.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/digest.h"
#include "kraken/registry/cancellation.h"

namespace harbor_bridge {

// The most manifests that are taken away for one image.
inline constexpr size_t kMaxEvictedManifests = 1000;

// Sees that what Harbor does not have is not given out by the cluster either: tags are dropped at
// the build-indexes, manifests at the origins and then at agents. Layers stay until they are
// evicted: other images may have them, and nobody is told their digests any more. Every digest is
// asked for at Harbor before it goes. Thread-safe; blocks.
class ImageInvalidation {
 public:
  // All outlive it. `agents` may be null: they keep what they have until they evict it.
  ImageInvalidation(const Harbors* harbors, ClusterWriter* cluster, AgentOrders* agents)
      : harbors_(harbors), cluster_(cluster), agents_(agents) {}

  // Harbor said at `revision` that it does not have the image. REQUIRES: work.reference.
  absl::Status DropImage(const ImageWork& work, uint64_t revision,
                         const kraken::registry::Cancellation& cancellation) const;

  // Asks Harbor which tags the repository has, and drops the others.
  absl::Status CheckRepository(const ImageWork& work,
                               const kraken::registry::Cancellation& cancellation) const;

 private:
  struct Place;

  absl::StatusOr<Place> Find(const ImageWork& work) const;
  // Those that Harbor does not have; of an index, what it names too. First at origins, so that no
  // agent finds there again what it has dropped.
  absl::Status EvictGone(const Place& place, std::vector<kraken::Digest> digests,
                         const kraken::registry::Cancellation& cancellation) const;
  // `gone` becomes what Harbor does not have, also when there is an error.
  absl::Status EvictAtOrigins(const Place& place, std::vector<kraken::Digest> digests,
                              std::vector<kraken::Digest>* gone,
                              const kraken::registry::Cancellation& cancellation) const;

  const Harbors* const harbors_;
  ClusterWriter* const cluster_;
  AgentOrders* const agents_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_INVALIDATION_H_
