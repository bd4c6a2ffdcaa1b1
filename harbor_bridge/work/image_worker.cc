#include "harbor_bridge/work/image_worker.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

absl::StatusOr<std::string> ImageWorker::Run(
    const kraken::storage::Job& job, JobBoard::Entry& board,
    const kraken::registry::Cancellation& cancellation) const {
  KH_ASSIGN_OR_RETURN(const ImageWork work, ImageWork::Decode(job.payload));
  if (!work.reference.has_value()) {
    board.SetStep("comparing tags");
    KH_RETURN_IF_ERROR(invalidation_->CheckRepository(work, cancellation));
    return "tags compared";
  }
  KH_ASSIGN_OR_RETURN(ImageFinding finding, prefetch_->Run(work, board, cancellation));
  if (finding.exists) return std::move(finding.result);
  // A registry tells of a tag before it sets it: what is not there yet must not be taken away, or
  // who pulls it in that moment is told that it does not exist.
  if (work.expected && job.attempts < kAttemptsForExpected) {
    return absl::NotFoundError(absl::StrCat(work.Key(), " is not there, though an event said so"));
  }
  if (!finding.actions.invalidate) return "gone at Harbor: left alone";
  board.SetStep("taking it away");
  KH_RETURN_IF_ERROR(invalidation_->DropImage(work, finding.revision, cancellation));
  return "gone at Harbor: taken away";
}

}  // namespace harbor_bridge
