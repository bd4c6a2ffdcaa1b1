#include "kraken/agent/agent_metrics.h"

namespace kraken::agent {

AgentMetrics::AgentMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node,
                           storage::BlobStore* store, Downloads* downloads)
    : downloads_(downloads),
      swarm_(metrics, node, store),
      completed_(metrics->AddCounter("kraken_downloads_total", "Blobs brought to this host.",
                                     {{"result", "completed"}})),
      failed_(metrics->AddCounter("kraken_downloads_total", "Blobs brought to this host.",
                                  {{"result", "failed"}})),
      active_(metrics->AddGauge("kraken_downloads_active", "Blobs being brought to this host.")) {}

void AgentMetrics::Refresh() {
  swarm_.Refresh();
  const DownloadStats stats = downloads_->stats();
  completed_.Set(stats.completed);
  failed_.Set(stats.failed);
  active_.Set(static_cast<double>(stats.active));
}

}  // namespace kraken::agent
