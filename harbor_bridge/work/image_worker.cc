#include "harbor_bridge/work/image_worker.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::Status ImageWorker::Run(const kraken::storage::Job& job,
                              const kraken::registry::Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const ImageWork work, ImageWork::Decode(job.payload));
  if (!work.reference.has_value()) return invalidation_->CheckRepository(work, cancellation);
  KH_ASSIGN_OR_RETURN(const ImageFinding finding, prefetch_->Run(work, cancellation));
  if (finding.exists) return absl::OkStatus();
  KH_RETURN_IF_ERROR(invalidation_->DropImage(work, finding.revision, cancellation));
  if (!work.expected || job.attempts >= kAttemptsForExpected) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(work.Key(), " is not there, though an event said so"));
}

}  // namespace harbor_bridge
