#ifndef KRAKEN_ORIGIN_ORIGIN_METRICS_H_
#define KRAKEN_ORIGIN_ORIGIN_METRICS_H_

#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/swarm_metrics.h"
#include "kraken/origin/origin_hub.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::origin {

// An origin's numbers for Prometheus. Belongs to the control loop.
class OriginMetrics {
 public:
  // All outlive it.
  OriginMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node, storage::BlobStore* store,
                OriginHub* hub);

  // Takes the numbers as they are now.
  void Refresh();

 private:
  OriginHub* const hub_;
  daemon::SwarmMetrics swarm_;
  daemon::MirroredCounter fetches_;
  daemon::MirroredCounter fetched_bytes_;
  daemon::MirroredCounter failures_;
  daemon::MirroredCounter replications_;
  daemon::MirroredCounter revocations_;
  daemon::MirroredCounter evicted_manifests_;
  daemon::MirroredCounter stale_writes_;
  telemetry::Gauge& active_;
  telemetry::Gauge& watchers_;
  telemetry::Gauge& healthy_;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_METRICS_H_
