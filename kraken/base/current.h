#ifndef KRAKEN_BASE_CURRENT_H_
#define KRAKEN_BASE_CURRENT_H_

#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace kraken {

// A value that is replaced as a whole while others use it: who has got it keeps what was current
// then. Thread-safe.
template <typename T>
class Current {
 public:
  // Null before the first Set().
  std::shared_ptr<const T> get() const ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    return value_;
  }

  // Who was the last to hold the value before ends it.
  void Set(std::shared_ptr<const T> value) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    value_.swap(value);
  }

 private:
  mutable absl::Mutex mu_;
  std::shared_ptr<const T> value_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_CURRENT_H_
