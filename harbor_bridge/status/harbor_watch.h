#ifndef HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_
#define HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_fault.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// A Harbor to be watched, and who asks it: clients that give up within HarborWatch::kPatience and
// try nothing twice, as all that work needs may take longer than a fault may stay without a name.
struct WatchedHarbor {
  std::string name;
  std::shared_ptr<kraken::registry::RegistryClient> registry;
  std::shared_ptr<api::HarborClient> api;  // null: there is none
};

// How a Harbor was when it was last asked.
struct HarborHealth {
  // Never asked so far.
  bool unknown = true;
  // What is wrong with it: its address, its certificate, our credentials. OK: it takes them.
  absl::Status status;
  // Set if `status` is an error: the same in a word, and what to do about it.
  std::optional<api::HarborFault> fault;
  std::string cure;
  // Since when it is so, and when it was last asked.
  absl::Time since;
  absl::Time asked_at;
};

// Asks each Harbor again and again whether its registry and its API are there and take our
// credentials, each on a thread of its own, so that one that hangs hides nothing of the others.
// Thread-safe.
class HarborWatch {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(15);
  // For one answer.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // Begins at once.
  explicit HarborWatch(std::vector<WatchedHarbor> harbors, absl::Duration interval = kInterval);
  // As Stop().
  ~HarborWatch();
  HarborWatch(const HarborWatch&) = delete;
  HarborWatch& operator=(const HarborWatch&) = delete;

  // Ends the questions that are under way and joins the threads.
  void Stop();

  // In the order of the Harbors.
  std::vector<HarborHealth> health() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Watch(size_t index);
  // Status, fault and cure.
  HarborHealth Ask(const WatchedHarbor& harbor);

  const std::vector<WatchedHarbor> harbors_;
  const absl::Duration interval_;
  kraken::registry::Cancellation stop_;
  mutable absl::Mutex mu_;
  std::vector<HarborHealth> health_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_HARBOR_WATCH_H_
