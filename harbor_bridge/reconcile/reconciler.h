#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILER_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/reconcile/reconcile_options.h"
#include "harbor_bridge/reconcile/reconcile_sink.h"
#include "harbor_bridge/reconcile/reconcile_status.h"
#include "harbor_bridge/reconcile/reconcile_store.h"
#include "harbor_bridge/routing/harbors.h"
#include "kraken/base/clock.h"

namespace harbor_bridge {

// A Harbor to be reconciled. Without `api`, its registry is read.
struct ReconcileTarget {
  const Harbor* harbor = nullptr;
  std::shared_ptr<api::HarborClient> api;
};

// Finds at each Harbor what events have missed: in rounds, from time to time and when told. Each
// Harbor has a thread of its own, so that a slow or dead one holds up no other.
//
// Thread-safe.
class Reconciler {
 public:
  // A round has ended that began at this time by the host's clock: what the Harbor had then is
  // known or has become work. Not called where a part of the Harbor could not be read. From the
  // thread of each Harbor.
  using OnRound = std::function<void(const std::string& harbor, absl::Time begun)>;
  // How much the clocks of two bridges' hosts and of Harbor may differ.
  static constexpr absl::Duration kClockMargin = absl::Minutes(5);

  // `harbors`, `store`, `sink` and `clock` outlive it. `on_round` may be null.
  Reconciler(ReconcileOptions options, const Harbors* harbors, std::vector<ReconcileTarget> targets,
             ReconcileStore* store, ReconcileSink* sink, OnRound on_round = nullptr,
             const kraken::Clock* clock = &kraken::SystemClock::Get());
  ~Reconciler();
  Reconciler(const Reconciler&) = delete;
  Reconciler& operator=(const Reconciler&) = delete;

  // Once.
  void Start();
  // Rounds under way stop between two requests, and go on after the next start. The HTTP client
  // must have been shut down, or its requests end in their time. Blocks.
  void StopAndWait();

  // Whether rounds may run; true at first. When it becomes false, one under way stops between two
  // requests and goes on later. A bare registry is read all the same: it tells no times, so that
  // what is new there is known only to who knew it before.
  void SetActive(bool active);
  // This bridge has taken over from another, and rounds may run: one now, as by Trigger(). A
  // Harbor's images that were pushed before its time in `done_until` (by the other's clock) are
  // done; without a time, what this bridge itself has known holds.
  void TakeOver(const std::map<std::string, absl::Time>& done_until);

  // Events were lost: one could not be read, or a registry was restarted. A round now, or once more
  // if one is under way; a full one, unless the last ended less than an hour ago. May be called at
  // any rate. `reason` is for people. An unknown Harbor: no effect.
  void Trigger(absl::string_view harbor, absl::string_view reason);
  void TriggerAll(absl::string_view reason);

  std::vector<ReconcileStatus> status() const;

 private:
  class Worker;

  Worker* Find(absl::string_view harbor) const;

  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILER_H_
