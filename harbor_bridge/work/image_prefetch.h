#ifndef HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
#define HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/work/agent_orders.h"
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

  // The same of a tag of which nothing is to be known. Blocks.
  using DropTag =
      std::function<absl::Status(const kraken::Namespace&, const kraken::Tag&, uint64_t revision)>;

  std::string name;  // of `clusters`; empty: the bridge's own
  OriginPrefetcher* origins = nullptr;
  // Null: its agents are given no orders.
  AgentOrders* agents = nullptr;
  // For agents to have an image.
  absl::Duration agents_timeout = absl::Minutes(15);
  PutTag put_tag;
  DropTag drop_tag;
  // There, plain names are its own Harbors': every image is known with its Harbor's host.
  bool names_with_host = false;
};

// How the result of work begins that the routes did not want.
inline constexpr absl::string_view kIgnoredResult = "ignored";

// What Harbor said of an image, and what was done.
struct ImageFinding {
  // If not, nothing was done.
  bool exists = true;
  // Of the answer, as in ClusterWriter.
  uint64_t revision = 0;
  // What the routes, or the work itself, say.
  RouteActions actions;
  // In a line.
  std::string result;
};

// Warms one image: asks the image's Harbor what it is now, and does what the routes say, or what
// the work itself asks for: tells the build-index, has the origins cache manifests, configurations
// and layers, here and in other clusters, and then agents here. Thread-safe; blocks.
class ImagePrefetch {
 public:
  // All outlive it. The first cluster is the bridge's own.
  ImagePrefetch(const Harbors* harbors, const Routes* routes, std::vector<ClusterTarget> clusters);

  // Errors as RegistryClient (but NOT_FOUND of the image itself), PlanImage, OriginPrefetcher,
  // AgentOrders and PutTag; FAILED_PRECONDITION for a Harbor or a cluster that is not configured
  // any more, for agents without trackers, and when somebody asked for agents and there are none.
  // REQUIRES: work.reference.
  absl::StatusOr<ImageFinding> Run(const ImageWork& work, JobBoard::Entry& board,
                                   const kraken::registry::Cancellation& cancellation) const;
  // The same, asking the image's Harbor with a client of the caller's.
  absl::StatusOr<ImageFinding> RunWith(kraken::registry::RegistryClient& client,
                                       const ImageWork& work, JobBoard::Entry& board,
                                       const kraken::registry::Cancellation& cancellation) const;

 private:
  struct Image;

  RouteActions ActionsFor(const ImageWork& work, const Harbor& harbor, std::string* why) const;
  absl::StatusOr<kraken::Namespace> NamespaceAt(const ClusterTarget& cluster,
                                                const Image& image) const;
  absl::Status TellTag(const Image& image, const ClusterTarget& cluster, TagAction action,
                       JobBoard::Entry& board) const;
  absl::Status Bring(const Image& image, const ClusterTarget& cluster, const ImagePlan& plan,
                     JobBoard::Entry& board,
                     const kraken::registry::Cancellation& cancellation) const;
  // Has the cluster's agents fetch what its origins have. What was done.
  absl::StatusOr<std::string> Preheat(const Image& image, const ClusterTarget& cluster,
                                      const ImagePlan& plan, const AgentSelector& agents,
                                      JobBoard::Entry& board,
                                      const kraken::registry::Cancellation& cancellation) const;
  // Everything but the tag here. What was done, after `done`.
  absl::StatusOr<std::string> Spread(kraken::registry::RegistryClient& client, const Image& image,
                                     const kraken::registry::FetchedManifest& fetched,
                                     const RouteActions& actions, std::vector<std::string> done,
                                     JobBoard::Entry& board,
                                     const kraken::registry::Cancellation& cancellation) const;
  absl::StatusOr<const ClusterTarget*> FindCluster(const std::string& name) const;

  const Harbors* const harbors_;
  const Routes* const routes_;
  const std::vector<ClusterTarget> clusters_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
