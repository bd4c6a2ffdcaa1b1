#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILE_SINK_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILE_SINK_H_

#include <vector>

#include "absl/status/status.h"
#include "harbor_bridge/work/image_work.h"

namespace harbor_bridge {

// What becomes of what reconciliation finds. Called by the thread of each Harbor.
class ReconcileSink {
 public:
  virtual ~ReconcileSink() = default;

  // Durable when it returns OK. The same may come again.
  virtual absl::Status Enqueue(const std::vector<ImageWork>& work) = 0;
  // Harbor, asked a moment ago, has this tag no longer.
  virtual absl::Status OnTagGone(const ImageWork& tag) = 0;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILE_SINK_H_
