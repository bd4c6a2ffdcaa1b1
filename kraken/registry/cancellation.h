#ifndef KRAKEN_REGISTRY_CANCELLATION_H_
#define KRAKEN_REGISTRY_CANCELLATION_H_

#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace kraken::registry {

// Tells blocking work in a worker thread that nobody wants its result any more. Copies share one
// state: who asks for the work keeps one, the work gets another. Thread-safe.
class Cancellation {
  struct State;

 public:
  // Not cancelled.
  Cancellation();

  // From now on, for all copies. Again: no effect.
  void Cancel();
  bool cancelled() const;
  // CANCELLED, or OK as long as nobody has cancelled.
  absl::Status status() const;

  // Waits for `delay`, or until cancelled. Returns status().
  absl::Status WaitFor(absl::Duration delay) const;

  // While it lives: calls a function when the work is cancelled, at once if it is already. The
  // function runs in the thread that cancels, must not block, and must not touch the Cancellation.
  // After the destructor it does not run, and is not running.
  class Callback {
   public:
    Callback(const Cancellation& cancellation, std::function<void()> fn);
    ~Callback();
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

   private:
    friend class Cancellation;
    const std::shared_ptr<State> state_;
    const std::function<void()> fn_;
  };

 private:
  struct State {
    mutable absl::Mutex mutex;
    bool cancelled ABSL_GUARDED_BY(mutex) = false;
    absl::flat_hash_set<const Callback*> callbacks ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<State> state_;
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_CANCELLATION_H_
