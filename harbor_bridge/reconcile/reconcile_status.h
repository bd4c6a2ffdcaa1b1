#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILE_STATUS_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILE_STATUS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace harbor_bridge {

// How it is with the reconciliation of one Harbor.
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

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILE_STATUS_H_
