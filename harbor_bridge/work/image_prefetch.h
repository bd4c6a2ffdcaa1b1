#ifndef HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
#define HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/image_work.h"
#include "harbor_bridge/work/origin_prefetcher.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/platform.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// The deepest nesting of indexes that is followed.
inline constexpr int kMaxIndexDepth = 4;
// The most blobs of one image.
inline constexpr size_t kMaxImageBlobs = 10'000;

// What Harbor said of an image.
struct ImageFinding {
  // If not, nothing was done.
  bool exists = true;
  // Of the answer, as in ClusterWriter.
  uint64_t revision = 0;
};

// Warms one image: asks the image's Harbor what it is now, tells the build-index, and has the
// origins cache its manifests, configurations and layers. Thread-safe; blocks.
class ImagePrefetch {
 public:
  // Tells the build-index. Blocks.
  using PutTag = std::function<absl::Status(const kraken::Namespace&, const kraken::Tag&,
                                            const kraken::Digest&, uint64_t revision)>;

  // All outlive it. `platforms` of an index are cached; all, if it is empty.
  ImagePrefetch(const Harbors* harbors, OriginPrefetcher* origins, PutTag put_tag,
                std::vector<kraken::registry::Platform> platforms);

  // Errors as RegistryClient, OriginPrefetcher and PutTag; FAILED_PRECONDITION for a Harbor that is
  // not configured any more. REQUIRES: work.reference.
  absl::StatusOr<ImageFinding> Run(const ImageWork& work,
                                   const kraken::registry::Cancellation& cancellation) const;
  // The same, asking the image's Harbor with a client of the caller's.
  absl::StatusOr<ImageFinding> RunWith(kraken::registry::RegistryClient& client,
                                       const ImageWork& work,
                                       const kraken::registry::Cancellation& cancellation) const;

 private:
  const Harbors* const harbors_;
  OriginPrefetcher* const origins_;
  const PutTag put_tag_;
  const std::vector<kraken::registry::Platform> platforms_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_PREFETCH_H_
