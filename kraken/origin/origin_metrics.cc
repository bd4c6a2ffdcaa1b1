#include "kraken/origin/origin_metrics.h"

namespace kraken::origin {

OriginMetrics::OriginMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node,
                             storage::BlobStore* store, OriginHub* hub)
    : hub_(hub),
      swarm_(metrics, node, store),
      fetches_(metrics->AddCounter("kraken_backend_fetches_total",
                                   "Blobs whose bytes were asked of a backend.")),
      fetched_bytes_(metrics->AddCounter("kraken_backend_received_bytes_total",
                                         "Bytes of blobs received from backends.")),
      failures_(metrics->AddCounter("kraken_backend_failures_total",
                                    "Fetches from backends that failed.")),
      replications_(metrics->AddCounter("kraken_origin_replications_total",
                                        "Blobs copied from another origin.")),
      revocations_(metrics->AddCounter("kraken_origin_revocations_total",
                                       "Piece lists taken back as the digest did not hold.")),
      evicted_manifests_(metrics->AddCounter("kraken_origin_evicted_manifests_total",
                                             "Manifests dropped as their Harbor deleted them.")),
      stale_writes_(
          metrics->AddCounter("kraken_stale_writes_total",
                              "Writes of bridges that hold their lease no more, or have none.")),
      active_(metrics->AddGauge("kraken_origin_blobs_active", "Blobs that are asked about now.")),
      watchers_(metrics->AddGauge("kraken_origin_watchers", "Streams that follow a blob.")),
      healthy_(
          metrics->AddGauge("kraken_healthy_origins", "Origins that this process sees healthy.")) {}

void OriginMetrics::Refresh() {
  swarm_.Refresh();
  const OriginStats stats = hub_->stats();
  fetches_.Set(stats.backend_fetches);
  fetched_bytes_.Set(stats.backend_bytes);
  failures_.Set(stats.backend_failures);
  replications_.Set(stats.replications);
  revocations_.Set(stats.revocations);
  evicted_manifests_.Set(stats.evicted_manifests);
  stale_writes_.Set(stats.stale_writes);
  active_.Set(static_cast<double>(stats.active));
  watchers_.Set(static_cast<double>(stats.watchers));
  healthy_.Set(static_cast<double>(stats.healthy_origins));
}

}  // namespace kraken::origin
