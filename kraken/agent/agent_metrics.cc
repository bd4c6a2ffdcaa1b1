#include "kraken/agent/agent_metrics.h"

namespace kraken::agent {
namespace {

telemetry::Counter& OrderCounter(telemetry::Metrics* metrics, const char* kind,
                                 const char* result) {
  return metrics->AddCounter("kraken_orders_total", "Orders of trackers that are over.",
                             {{"kind", kind}, {"result", result}});
}

}  // namespace

AgentMetrics::AgentMetrics(telemetry::Metrics* metrics, peer_wire::SwarmNode* node,
                           storage::BlobStore* store, Downloads* downloads, const Orders* orders)
    : downloads_(downloads),
      orders_(orders),
      swarm_(metrics, node, store),
      completed_(metrics->AddCounter("kraken_downloads_total", "Blobs brought to this host.",
                                     {{"result", "completed"}})),
      failed_(metrics->AddCounter("kraken_downloads_total", "Blobs brought to this host.",
                                  {{"result", "failed"}})),
      active_(metrics->AddGauge("kraken_downloads_active", "Blobs being brought to this host.")),
      origins_asked_(metrics->AddCounter("kraken_downloads_asked_total",
                                         "Times that trackers did not help with a blob and others "
                                         "were asked.",
                                         {{"source", "origin"}})),
      backends_asked_(metrics->AddCounter("kraken_downloads_asked_total",
                                          "Times that trackers did not help with a blob and others "
                                          "were asked.",
                                          {{"source", "backend"}})),
      backend_bytes_(metrics->AddCounter("kraken_downloads_backend_bytes_total",
                                         "Bytes read from backends, past the swarm.")),
      fetches_done_(OrderCounter(metrics, "fetch", "done")),
      fetches_failed_(OrderCounter(metrics, "fetch", "failed")),
      drops_done_(OrderCounter(metrics, "drop", "done")),
      drops_failed_(OrderCounter(metrics, "drop", "failed")),
      dropped_manifests_(
          metrics->AddCounter("kraken_dropped_manifests_total",
                              "Manifests taken away as their Harbor had deleted them.")),
      orders_running_(metrics->AddGauge("kraken_orders_running", "Orders being followed.")) {
  for (size_t i = 0; i < kBlobSources; ++i) {
    found_.emplace_back(metrics->AddCounter(
        "kraken_downloads_found_total", "Blobs by who told first what they are.",
        {{"source", std::string(NameOf(static_cast<BlobSource>(i)))}}));
  }
}

void AgentMetrics::Refresh() {
  swarm_.Refresh();
  const DownloadStats stats = downloads_->stats();
  completed_.Set(stats.completed);
  failed_.Set(stats.failed);
  active_.Set(static_cast<double>(stats.active));
  for (size_t i = 0; i < kBlobSources; ++i) found_[i].Set(stats.found[i]);
  origins_asked_.Set(stats.asked[static_cast<size_t>(BlobSource::kOrigin)]);
  backends_asked_.Set(stats.asked[static_cast<size_t>(BlobSource::kBackend)]);
  backend_bytes_.Set(stats.backend_bytes);
  const OrderStats orders = orders_->stats();
  fetches_done_.Set(orders.fetches_done);
  fetches_failed_.Set(orders.fetches_failed);
  drops_done_.Set(orders.drops_done);
  drops_failed_.Set(orders.drops_failed);
  dropped_manifests_.Set(orders.dropped_manifests);
  orders_running_.Set(static_cast<double>(orders.running));
}

}  // namespace kraken::agent
