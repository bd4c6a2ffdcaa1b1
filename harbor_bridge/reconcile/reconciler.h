#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILER_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/reconcile/reconcile_options.h"
#include "harbor_bridge/reconcile/reconcile_sink.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/base/clock.h"

namespace harbor_bridge {

// A Harbor to be reconciled. Without `api`, its registry is read.
struct ReconcileTarget {
  const Harbor* harbor = nullptr;
  std::shared_ptr<api::HarborClient> api;
};

// How it is with one Harbor.
struct ReconcileStatus {
  std::string harbor;
  bool through_api = false;
  bool running = false;
  uint64_t rounds = 0;  // that ended
  uint64_t failures = 0;
  uint64_t requests = 0;
  uint64_t found = 0;  // images that events had missed
  uint64_t gone = 0;   // tags that are no longer there
  absl::Time last_ended = absl::InfinitePast();
  // Of the last round; OK: all is well.
  absl::Status last_error;
  std::string last_reason;
};

// Finds at each Harbor what events have missed: in rounds, from time to time and when told. Each
// Harbor has a thread of its own, so that a slow or dead one holds up no other.
//
// Thread-safe.
class Reconciler {
 public:
  // `harbors`, `store`, `sink` and `clock` outlive it.
  Reconciler(ReconcileOptions options, const Harbors* harbors, std::vector<ReconcileTarget> targets,
             ReconcileStore* store, ReconcileSink* sink,
             const kraken::Clock* clock = &kraken::SystemClock::Get());
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // Once.
  void Start();
  // Rounds under way stop between two requests, and go on after the next start. The HTTP client
  // must have been shut down, or its requests end in their time. Blocks.
  void StopAndWait();

  // Events were lost: one could not be read, a registry was restarted, or this bridge has taken
  // over from another. A round now, or once more if one is under way; a full one, unless the last
  // ended less than an hour ago. `reason` is for the log. An unknown Harbor: no effect.
  void Trigger(absl::string_view harbor, absl::string_view reason);
  void TriggerAll(absl::string_view reason);
  // A notification of a Harbor's registry came from this instance: triggers when it is a new one.
  // Blocks for the store, once per instance.
  void OnRegistryInstance(absl::string_view harbor, absl::string_view instance);

  std::vector<ReconcileStatus> status() const;

 private:
  class Worker;

  Worker* Find(absl::string_view harbor) const;

  ReconcileStore* const store_;
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILER_H_
