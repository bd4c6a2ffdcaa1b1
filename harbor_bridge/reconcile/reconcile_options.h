#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILE_OPTIONS_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILE_OPTIONS_H_

#include "absl/time/time.h"

namespace harbor_bridge {

// When, and how fast, Harbors are reconciled.
struct ReconcileOptions {
  // Between the end of a round and the next, through an API and through a bare registry.
  absl::Duration interval = absl::Minutes(10);
  absl::Duration registry_interval = absl::Hours(6);
  // Between two rounds through an API that read everything.
  absl::Duration full_interval = absl::Hours(24);
  // To one Harbor.
  double requests_per_second = 5;
  // How far back the first round ever makes work of what was pushed.
  absl::Duration look_back = absl::Hours(24);
  // Whether there is a round at the start.
  bool on_start = true;
  // After a round that failed; doubles up to `interval`.
  absl::Duration retry_interval = absl::Seconds(10);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILE_OPTIONS_H_
