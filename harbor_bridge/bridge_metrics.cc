#include "harbor_bridge/bridge_metrics.h"

#include <cstdint>
#include <utility>

namespace harbor_bridge {
namespace {

using kraken::telemetry::Labels;
using kraken::telemetry::Metrics;

}  // namespace

BridgeMetrics::Events BridgeMetrics::MakeEvents(Metrics& metrics) {
  const auto counter = [&metrics](const char* name, const char* help, const Labels& labels = {}) {
    return MirroredCounter(metrics.AddCounter(name, help, labels));
  };
  constexpr char kEvents[] = "kraken_bridge_events_total";
  constexpr char kEventsHelp[] = "Entries in them.";
  constexpr char kPreheats[] = "kraken_bridge_preheats_total";
  constexpr char kPreheatsHelp[] = "Preheat jobs asked for.";
  return {.notifications = counter("kraken_bridge_notifications_total", "Notifications received."),
          .work = counter(kEvents, kEventsHelp, {{"outcome", "work"}}),
          .ignored = counter(kEvents, kEventsHelp, {{"outcome", "ignored"}}),
          .unreadable = counter(kEvents, kEventsHelp, {{"outcome", "unreadable"}}),
          .quarantined = counter("kraken_bridge_quarantined_total",
                                 "Bodies that were taken and can't be used."),
          .unauthorized =
              counter("kraken_bridge_unauthorized_total", "Requests with a wrong credential."),
          .preheats_accepted = counter(kPreheats, kPreheatsHelp, {{"outcome", "accepted"}}),
          .preheats_refused = counter(kPreheats, kPreheatsHelp, {{"outcome", "refused"}}),
          .body_bytes = metrics.AddGauge("kraken_bridge_body_bytes",
                                         "Memory of bodies that are not work yet.")};
}

BridgeMetrics::Agents BridgeMetrics::MakeAgents(Metrics& metrics) {
  const auto orders = [&metrics](const char* order, const char* result) {
    return MirroredCounter(
        metrics.AddCounter("kraken_bridge_agent_orders_total",
                           "Agents that were given an order, added up over all orders.",
                           {{"order", order}, {"result", result}}));
  };
  const auto preheating = [&metrics](const char* state) -> Gauge& {
    return metrics.AddGauge("kraken_bridge_preheating_agents",
                            "Agents of preheats that run, by how far they are.",
                            {{"state", state}});
  };
  return {.preheated = orders("preheat", "done"),
          .preheats_failed = orders("preheat", "failed"),
          .dropped = orders("drop", "done"),
          .drops_failed = orders("drop", "failed"),
          .done = preheating("done"),
          .asked = preheating("asked")};
}

BridgeMetrics::Reconciliation BridgeMetrics::MakeReconciliation(Metrics& metrics,
                                                                const std::string& harbor) {
  const auto rounds = [&](const char* result) {
    return MirroredCounter(metrics.AddCounter("kraken_bridge_reconcile_rounds_total",
                                              "Rounds of reconciliation.",
                                              {{"harbor", harbor}, {"result", result}}));
  };
  const auto missed = [&](const char* kind) {
    return MirroredCounter(metrics.AddCounter("kraken_bridge_reconcile_found_total",
                                              "What events had missed.",
                                              {{"harbor", harbor}, {"kind", kind}}));
  };
  return {.rounds = rounds("done"),
          .failures = rounds("failed"),
          .requests = MirroredCounter(metrics.AddCounter("kraken_bridge_reconcile_requests_total",
                                                         "Requests to a Harbor for reconciliation.",
                                                         {{"harbor", harbor}})),
          .found = missed("image"),
          .gone = missed("gone_tag")};
}

BridgeMetrics::BridgeMetrics(Metrics* metrics, Sources sources)
    : from_(std::move(sources)),
      events_(MakeEvents(*metrics)),
      agents_(MakeAgents(*metrics)),
      healthy_origins_(
          metrics->AddGauge("kraken_healthy_origins", "Origins that this process sees healthy.")) {
  for (const ReconcileStatus& status : from_.reconciliation()) {
    reconciliation_.emplace(status.harbor, MakeReconciliation(*metrics, status.harbor));
  }
  if (from_.lease == nullptr) return;
  lease_.emplace(Lease{
      .held = metrics->AddGauge("kraken_bridge_lease_held",
                                "1: this bridge holds the lease and works; 0: it is standby."),
      .epoch = metrics->AddGauge("kraken_bridge_lease_epoch",
                                 "Epoch of the lease, as this bridge knows it; 0: of none.")});
}

void BridgeMetrics::Refresh() {
  RefreshEvents();
  RefreshAgents();
  RefreshReconciliation();
  healthy_origins_.Set(static_cast<double>(from_.cluster->healthy_origins().size()));
  if (!lease_.has_value()) return;
  const LeaseView lease = from_.lease();
  lease_->held.Set(lease.held ? 1 : 0);
  lease_->epoch.Set(static_cast<double>(lease.epoch));
}

void BridgeMetrics::RefreshEvents() {
  const IntakeStats intake = from_.intake->stats();
  events_.notifications.Set(intake.notifications);
  events_.work.Set(intake.events);
  events_.ignored.Set(intake.ignored);
  events_.unreadable.Set(intake.unreadable + intake.oversized);
  events_.quarantined.Set(from_.quarantine->put_count());
  const PreheatApiStats preheat = from_.preheat_api->stats();
  events_.unauthorized.Set(intake.unauthorized + preheat.unauthorized);
  events_.preheats_accepted.Set(preheat.accepted);
  events_.preheats_refused.Set(preheat.refused);
  events_.body_bytes.Set(static_cast<double>(from_.bodies->used_bytes()));
}

void BridgeMetrics::RefreshAgents() {
  int64_t done = 0;
  int64_t asked = 0;
  for (const JobView& job : from_.board->Running()) {
    done += job.progress.agents_done;
    asked += job.progress.agents_asked;
  }
  agents_.done.Set(static_cast<double>(done));
  agents_.asked.Set(static_cast<double>(asked));
  if (from_.cluster->agents() == nullptr) return;
  const AgentOrdersStats stats = from_.cluster->agents()->stats();
  agents_.preheated.Set(stats.preheated);
  agents_.preheats_failed.Set(stats.preheats_failed);
  agents_.dropped.Set(stats.dropped);
  agents_.drops_failed.Set(stats.drops_failed);
}

void BridgeMetrics::RefreshReconciliation() {
  for (const ReconcileStatus& status : from_.reconciliation()) {
    Reconciliation& metrics = reconciliation_.at(status.harbor);
    metrics.rounds.Set(status.rounds);
    metrics.failures.Set(status.failures);
    metrics.requests.Set(status.requests);
    metrics.found.Set(status.found);
    metrics.gone.Set(status.gone);
  }
}

}  // namespace harbor_bridge
