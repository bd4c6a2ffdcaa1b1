#ifndef KRAKEN_AGENT_AGENT_METRICS_H_
#define KRAKEN_AGENT_AGENT_METRICS_H_

#include <vector>

#include "kraken/agent/downloads.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/swarm_metrics.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::agent {

// The agent's numbers for Prometheus. Belongs to the control loop.
class AgentMetrics {
 public:
  // All outlive it.
  AgentMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node, storage::BlobStore* store,
               Downloads* downloads);

  // Takes the numbers as they are now.
  void Refresh();

 private:
  Downloads* const downloads_;
  daemon::SwarmMetrics swarm_;
  daemon::MirroredCounter completed_;
  daemon::MirroredCounter failed_;
  telemetry::Gauge& active_;
  // By BlobSource.
  std::vector<daemon::MirroredCounter> found_;
  daemon::MirroredCounter origins_asked_;
  daemon::MirroredCounter backends_asked_;
  daemon::MirroredCounter backend_bytes_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_AGENT_METRICS_H_
