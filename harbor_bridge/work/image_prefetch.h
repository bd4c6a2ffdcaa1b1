#ifndef HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
#define HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/work/image_plan.h"
#include "harbor_bridge/work/image_work.h"
#include "harbor_bridge/work/job_board.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// A cluster that images are brought to.
struct ClusterTarget {
  // Tells the cluster's build-index. Blocks.
  using PutTag = std::function<absl::Status(const kraken::Namespace&, const kraken::Tag&,
                                            const kraken::Digest&, uint64_t revision)>;

  std::string name;  // of `clusters`; empty: the bridge's own
  OriginPrefetcher* origins = nullptr;
  PutTag put_tag;
  // There, plain names are its own Harbors': every image is known with its Harbor's host.
  bool names_with_host = false;
};

// How the result of work begins that the routes did not want.
inline constexpr absl::string_view kIgnoredResult = "ignored";

// Does one ImageWork: asks the image's Harbor what it is now, and does what the routes say, or what
// the work itself asks for: tells the build-index, and has the origins cache manifests,
// configurations and layers, here and in other clusters. Thread-safe; blocks.
class ImagePrefetch {
 public:
  // All outlive it. The first cluster is the bridge's own.
  ImagePrefetch(const Harbors* harbors, const Routes* routes, std::vector<ClusterTarget> clusters);

  // What was done, in a line. Errors as RegistryClient, PlanImage, OriginPrefetcher and PutTag;
  // FAILED_PRECONDITION for a Harbor or a cluster that is not configured any more.
  absl::StatusOr<std::string> Run(const ImageWork& work, JobBoard::Entry& board,
                                  const kraken::registry::Cancellation& cancellation) const;

 private:
  struct Image;

  RouteActions ActionsFor(const ImageWork& work, const Harbor& harbor, std::string* why) const;
  absl::Status Bring(const Image& image, const ClusterTarget& cluster, bool set_tag,
                     const ImagePlan* plan, JobBoard::Entry& board,
                     const kraken::registry::Cancellation& cancellation) const;
  absl::StatusOr<const ClusterTarget*> FindCluster(const std::string& name) const;

  const Harbors* const harbors_;
  const Routes* const routes_;
  const std::vector<ClusterTarget> clusters_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
