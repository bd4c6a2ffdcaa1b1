#include "harbor_bridge/work/enqueue_all.h"

#include <cstddef>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace harbor_bridge {
namespace {

struct Batch {
  absl::Mutex mu;
  size_t missing ABSL_GUARDED_BY(mu) = 0;
  absl::Status status ABSL_GUARDED_BY(mu);
  kraken::storage::JobQueue::Done done;

  void OnStored(const absl::Status& stored) ABSL_LOCKS_EXCLUDED(mu) {
    absl::Status result;
    {
      absl::MutexLock lock(&mu);
      status.Update(stored);
      if (--missing > 0) return;
      result = status;
    }
    done(result);
  }
};

}  // namespace

void EnqueueAll(kraken::storage::JobQueue& queue, std::vector<kraken::storage::NewJob> jobs,
                kraken::storage::JobQueue::Done done) {
  if (jobs.empty()) return done(absl::OkStatus());
  auto batch = std::make_shared<Batch>();
  batch->done = std::move(done);
  {
    absl::MutexLock lock(&batch->mu);
    batch->missing = jobs.size();
  }
  for (kraken::storage::NewJob& job : jobs) {
    queue.Enqueue(std::move(job), [batch](const absl::Status& stored) { batch->OnStored(stored); });
  }
}

}  // namespace harbor_bridge
