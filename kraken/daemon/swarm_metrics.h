#ifndef KRAKEN_DAEMON_SWARM_METRICS_H_
#define KRAKEN_DAEMON_SWARM_METRICS_H_

#include "kraken/daemon/mirrored_counter.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/storage/blob_store.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::daemon {

// The numbers of a host's part in the swarm and of its store, for Prometheus: agents and origins
// have the same. Belongs to the control loop.
class SwarmMetrics {
 public:
  // All outlive it.
  SwarmMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node, storage::BlobStore* store);

  // Takes the numbers as they are now.
  void Refresh();

 private:
  peer_wire::SwarmNode* const node_;
  storage::BlobStore* const store_;
  MirroredCounter from_origins_;
  MirroredCounter from_agents_;
  MirroredCounter sent_;
  MirroredCounter corrupt_;
  MirroredCounter malformed_;
  MirroredCounter evicted_;
  telemetry::Gauge& connections_;
  telemetry::Gauge& torrents_;
  telemetry::Gauge& blobs_;
  telemetry::Gauge& stored_bytes_;
  telemetry::Gauge& volumes_;
  telemetry::Gauge& unhealthy_volumes_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SWARM_METRICS_H_
