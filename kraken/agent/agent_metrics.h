#ifndef KRAKEN_AGENT_AGENT_METRICS_H_
#define KRAKEN_AGENT_AGENT_METRICS_H_

#include <vector>

#include "kraken/agent/downloads.h"
#include "kraken/agent/orders.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/swarm_metrics.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::agent {

// The agent's numbers for Prometheus. Belongs to the control loop.
class AgentMetrics {
 public:
  // All outlive it.
  AgentMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node, storage::BlobStore* store,
               Downloads* downloads, const Orders* orders);

  // Takes the numbers as they are now.
  void Refresh();

 private:
  Downloads* const downloads_;
  const Orders* const orders_;
  daemon::SwarmMetrics swarm_;
  daemon::MirroredCounter completed_;
  daemon::MirroredCounter failed_;
  telemetry::Gauge& active_;
  // By BlobSource.
  std::vector<daemon::MirroredCounter> found_;
  daemon::MirroredCounter origins_asked_;
  daemon::MirroredCounter backends_asked_;
  daemon::MirroredCounter backend_bytes_;
  daemon::MirroredCounter fetches_done_;
  daemon::MirroredCounter fetches_failed_;
  daemon::MirroredCounter drops_done_;
  daemon::MirroredCounter drops_failed_;
  daemon::MirroredCounter dropped_manifests_;
  telemetry::Gauge& orders_running_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_METRICS_H_
