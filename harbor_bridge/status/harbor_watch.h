#ifndef HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_
#define HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_

#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/registry/cancellation.h"

namespace harbor_bridge {

// How a Harbor was when it was last asked.
struct HarborHealth {
  // Never asked so far.
  bool unknown = true;
  // What is wrong with it: its address, its certificate, our credentials. OK: it takes them.
  absl::Status status;
  // Since when it is so, and when it was last asked.
  absl::Time since;
  absl::Time asked_at;
};

// Asks each Harbor's registry again and again whether it is there and takes our credentials, each
// on a thread of its own, so that one that hangs hides nothing of the others. Thread-safe.
class HarborWatch {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(15);

  // Begins at once. `harbors` outlives it.
  explicit HarborWatch(const Harbors* harbors, absl::Duration interval = kInterval);
  // As Stop().
  ~HarborWatch();
  HarborWatch(const HarborWatch&) = delete;
  HarborWatch& operator=(const HarborWatch&) = delete;

  // Ends the questions that are under way and joins the threads.
  void Stop();

  // In the order of the configuration.
  std::vector<HarborHealth> health() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Watch(size_t index);

  const Harbors* const harbors_;
  const absl::Duration interval_;
  kraken::registry::Cancellation stop_;
  mutable absl::Mutex mu_;
  std::vector<HarborHealth> health_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_
