#ifndef HARBOR_BRIDGE_WORK_IMAGE_PLAN_H_
#define HARBOR_BRIDGE_WORK_IMAGE_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "harbor_bridge/routing/route_config.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// The deepest nesting of indexes that is followed.
inline constexpr int kMaxIndexDepth = 4;
// The most blobs of one image, with what refers to it.
inline constexpr size_t kMaxImageBlobs = 10'000;

struct PlannedBlob {
  kraken::Digest digest;
  int64_t size_bytes = 0;  // as its descriptor says
};

// All that an image consists of, as an action wants it.
struct ImagePlan {
  // Manifests before what they name; each digest once.
  std::vector<PlannedBlob> blobs;
  int64_t bytes = 0;
  // Layers that are larger than the action's limit, and their bytes. Not among `blobs`.
  size_t left_out = 0;
  int64_t left_out_bytes = 0;
  // Manifests that refer to the image. Among `blobs`.
  size_t referrers = 0;
};

// Walks an image from the manifest `top`: the wanted images of an index, configurations, layers
// and, if asked for, what refers to any of its manifests. INVALID_ARGUMENT: indexes nest too deep,
// or no manifest; RESOURCE_EXHAUSTED: too many blobs; else as RegistryClient.
absl::StatusOr<ImagePlan> PlanImage(kraken::registry::RegistryClient& client,
                                    const kraken::RepositoryName& repository,
                                    const kraken::registry::FetchedManifest& top,
                                    const PrefetchAction& action,
                                    const kraken::registry::Cancellation& cancellation);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_PLAN_H_
