#ifndef KRAKEN_STORAGE_PARTIAL_LISTENERS_H_
#define KRAKEN_STORAGE_PARTIAL_LISTENERS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "kraken/storage/partial_blob.h"

namespace kraken::storage {

// Who wants to hear of a partial blob's events. Thread-safe.
class PartialListeners {
 public:
  int64_t Add(PartialBlob::Listener listener);
  // After this the listener is not running and won't run, unless called from within it.
  void Remove(int64_t id);
  // Calls each listener, on this thread.
  void Notify(const PartialBlobEvent& event);

 private:
  struct Slot {
    Slot(int64_t slot_id, PartialBlob::Listener slot_listener)
        : id(slot_id), listener(std::move(slot_listener)) {}

    const int64_t id;
    absl::Mutex mu;
    PartialBlob::Listener listener ABSL_GUARDED_BY(mu);
    // The thread that is inside `listener`.
    std::atomic<std::thread::id> runner{std::thread::id()};
    std::atomic<bool> removed{false};
  };

  absl::Mutex mu_;
  int64_t next_id_ ABSL_GUARDED_BY(mu_) = 1;
  std::vector<std::shared_ptr<Slot>> slots_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_PARTIAL_LISTENERS_H_
