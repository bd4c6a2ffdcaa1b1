#ifndef HARBOR_BRIDGE_RECONCILE_RECORDING_SINK_H_
#define HARBOR_BRIDGE_RECONCILE_RECORDING_SINK_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/reconcile/reconcile_sink.h"

namespace harbor_bridge {

// For tests: keeps the keys of what reconciliation finds. Thread-safe.
class RecordingSink final : public ReconcileSink {
 public:
  absl::Status Enqueue(const std::vector<ImageWork>& work) override {
    absl::MutexLock lock(&mu_);
    for (const ImageWork& item : work) work_.push_back(item.Key());
    return absl::OkStatus();
  }
  absl::Status OnTagGone(const ImageWork& tag) override {
    absl::MutexLock lock(&mu_);
    gone_.push_back(tag.Key());
    return absl::OkStatus();
  }

  // Since the last call.
  std::vector<std::string> TakeWork() {
    absl::MutexLock lock(&mu_);
    return std::exchange(work_, {});
  }
  std::vector<std::string> TakeGone() {
    absl::MutexLock lock(&mu_);
    return std::exchange(gone_, {});
  }
  // Blocks until there is as much.
  void WaitForWork(size_t count) {
    const auto enough = [this, count]()
                            ABSL_SHARED_LOCKS_REQUIRED(mu_) { return work_.size() >= count; };
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&enough));
  }

 private:
  absl::Mutex mu_;
  std::vector<std::string> work_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> gone_ ABSL_GUARDED_BY(mu_);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECORDING_SINK_H_
