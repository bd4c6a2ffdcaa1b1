#include "kraken/daemon/swarm_metrics.h"

namespace kraken::daemon {
namespace {

constexpr char kReceived[] = "kraken_swarm_received_bytes_total";
constexpr char kReceivedHelp[] = "Payload received from peers, by what they are.";

}  // namespace

SwarmMetrics::SwarmMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node,
                           storage::BlobStore* store)
    : node_(node),
      store_(store),
      from_origins_(metrics->AddCounter(kReceived, kReceivedHelp, {{"peer", "origin"}})),
      from_agents_(metrics->AddCounter(kReceived, kReceivedHelp, {{"peer", "agent"}})),
      sent_(metrics->AddCounter("kraken_swarm_sent_bytes_total", "Payload sent to peers.")),
      corrupt_(metrics->AddCounter("kraken_swarm_corrupt_pieces_total",
                                   "Pieces received whose bytes did not check.")),
      malformed_(metrics->AddCounter("kraken_swarm_malformed_connections_total",
                                     "Connections closed for breaking the protocol.")),
      evicted_(
          metrics->AddCounter("kraken_store_evicted_blobs_total", "Blobs removed to make room.")),
      connections_(metrics->AddGauge("kraken_swarm_connections", "Connections to peers.")),
      torrents_(metrics->AddGauge("kraken_swarm_torrents", "Torrents in memory.")),
      blobs_(metrics->AddGauge("kraken_store_blobs", "Complete blobs in the store.")),
      stored_bytes_(metrics->AddGauge("kraken_store_blob_bytes", "Their size.")),
      volumes_(metrics->AddGauge("kraken_store_volumes", "Volumes that the store is to have.")),
      unhealthy_volumes_(metrics->AddGauge("kraken_store_unhealthy_volumes",
                                           "Volumes that are missing, full or failing.")) {}

void SwarmMetrics::Refresh() {
  const peer_wire::SwarmNodeStats swarm = node_->stats();
  from_origins_.Set(swarm.bytes_from_origins);
  from_agents_.Set(swarm.bytes_from_agents);
  sent_.Set(swarm.bytes_sent);
  corrupt_.Set(swarm.pieces_corrupt);
  malformed_.Set(swarm.connections_malformed);
  connections_.Set(static_cast<double>(swarm.connections));
  torrents_.Set(static_cast<double>(swarm.torrents));
  const storage::BlobStoreStats stored = store_->stats();
  evicted_.Set(stored.evicted_blobs);
  blobs_.Set(static_cast<double>(stored.blobs));
  stored_bytes_.Set(static_cast<double>(stored.bytes));
  volumes_.Set(static_cast<double>(stored.volumes));
  unhealthy_volumes_.Set(static_cast<double>(stored.unhealthy_volumes));
}

}  // namespace kraken::daemon
