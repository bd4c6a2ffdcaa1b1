#include "harbor_bridge/reconcile/job_sink.h"

#include <memory>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

// Waits for several operations, which share a commit.
struct Batch {
  explicit Batch(size_t operations) : missing(operations) {}

  void Done(const absl::Status& done) {
    absl::MutexLock lock(&mu);
    status.Update(done);
    --missing;
  }
  absl::Status Wait() {
    const auto complete = [this] { return missing == 0; };
    absl::MutexLock lock(&mu);
    mu.Await(absl::Condition(&complete));
    return status;
  }

  absl::Mutex mu;
  size_t missing;
  absl::Status status;
};

}  // namespace

absl::Status JobSink::Enqueue(const std::vector<ImageWork>& work) {
  auto batch = std::make_shared<Batch>(work.size());
  for (const ImageWork& item : work) {
    queue_->Enqueue(item.ToJob(kReconciliationPriority),
                    [batch](const absl::Status& status) { batch->Done(status); });
  }
  return batch->Wait();
}

absl::Status JobSink::OnTagGone(const ImageWork& tag) {
  kraken::telemetry::LogInfo("a tag is gone at its Harbor", {{"image", tag.Key()}});
  ImageWork work = tag;
  work.expected = false;
  return Enqueue({work});
}

}  // namespace harbor_bridge
