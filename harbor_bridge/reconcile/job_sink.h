#ifndef HARBOR_BRIDGE_RECONCILE_JOB_SINK_H_
#define HARBOR_BRIDGE_RECONCILE_JOB_SINK_H_

#include <vector>

#include "absl/status/status.h"
#include "harbor_bridge/reconcile/reconcile_sink.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// Puts what reconciliation finds into the job queue, behind whatever an event has asked for. A tag
// that is gone is work too: it is taken away. Thread-safe.
class JobSink final : public ReconcileSink {
 public:
  // `queue` outlives it.
  explicit JobSink(kraken::storage::JobQueue* queue) : queue_(queue) {}

  absl::Status Enqueue(const std::vector<ImageWork>& work) override;
  absl::Status OnTagGone(const ImageWork& tag) override;

 private:
  kraken::storage::JobQueue* const queue_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_JOB_SINK_H_
