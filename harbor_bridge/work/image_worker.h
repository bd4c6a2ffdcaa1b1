#ifndef HARBOR_BRIDGE_WORK_IMAGE_WORKER_H_
#define HARBOR_BRIDGE_WORK_IMAGE_WORKER_H_

#include <string>

#include "absl/status/statusor.h"
#include "harbor_bridge/work/image_invalidation.h"
#include "harbor_bridge/work/image_prefetch.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/job.h"

namespace harbor_bridge {

// Attempts at an image that an event said is there, before it is believed that it is not: a
// registry may tell of a manifest before it can be read.
inline constexpr int kAttemptsForExpected = 5;

// Does one job of ImageWork: looks at Harbor, and makes the cluster agree with what is there.
// Thread-safe; blocks.
class ImageWorker {
 public:
  // Both outlive it.
  ImageWorker(const ImagePrefetch* prefetch, const ImageInvalidation* invalidation)
      : prefetch_(prefetch), invalidation_(invalidation) {}

  // What was done, in a line. What is gone stays where the routes say nothing of `invalidate`.
  // Errors as ImagePrefetch and ImageInvalidation; NOT_FOUND while an expected image is missing.
  absl::StatusOr<std::string> Run(const kraken::storage::Job& job, JobBoard::Entry& board,
                                  const kraken::registry::Cancellation& cancellation) const;

 private:
  const ImagePrefetch* const prefetch_;
  const ImageInvalidation* const invalidation_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_WORKER_H_
