#ifndef HARBOR_BRIDGE_BRIDGE_METRICS_H_
#define HARBOR_BRIDGE_BRIDGE_METRICS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "harbor_bridge/lease/lease_view.h"
#include "harbor_bridge/reconcile/reconcile_status.h"
#include "harbor_bridge/work/agent_orders.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/cluster.h"
#include "harbor_bridge/work/intake.h"
#include "harbor_bridge/work/job_board.h"
#include "harbor_bridge/work/preheat_api.h"
#include "harbor_bridge/work/quarantine.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/telemetry/metrics.h"

namespace harbor_bridge {

// The bridge's numbers for /metrics that its parts keep themselves; each Harbor's work is in
// status/work_metrics.h. Belongs to the control loop.
class BridgeMetrics {
 public:
  // All outlive it.
  struct Sources {
    const Intake* intake = nullptr;
    const PreheatApi* preheat_api = nullptr;
    const Quarantine* quarantine = nullptr;
    const BodyBudget* bodies = nullptr;
    const JobBoard* board = nullptr;
    // Our own.
    Cluster* cluster = nullptr;
    // Of each Harbor that is reconciled, always the same ones.
    std::function<std::vector<ReconcileStatus>()> reconciliation;
    // Null: there is none.
    std::function<LeaseView()> lease;
  };

  BridgeMetrics(kraken::telemetry::Metrics* metrics, Sources sources);

  // Takes the numbers as they are now.
  void Refresh();

 private:
  using MirroredCounter = kraken::daemon::MirroredCounter;
  using Gauge = kraken::telemetry::Gauge;

  struct Events {
    MirroredCounter notifications;
    MirroredCounter work;
    MirroredCounter ignored;
    MirroredCounter unreadable;
    MirroredCounter quarantined;
    MirroredCounter unauthorized;
    MirroredCounter preheats_accepted;
    MirroredCounter preheats_refused;
    Gauge& body_bytes;
  };
  struct Agents {
    MirroredCounter preheated;
    MirroredCounter preheats_failed;
    MirroredCounter dropped;
    MirroredCounter drops_failed;
    Gauge& done;
    Gauge& asked;
  };
  struct Reconciliation {
    MirroredCounter rounds;
    MirroredCounter failures;
    MirroredCounter requests;
    MirroredCounter found;
    MirroredCounter gone;
  };
  struct Lease {
    Gauge& held;
    Gauge& epoch;
  };

  static Events MakeEvents(kraken::telemetry::Metrics& metrics);
  static Agents MakeAgents(kraken::telemetry::Metrics& metrics);
  static Reconciliation MakeReconciliation(kraken::telemetry::Metrics& metrics,
                                           const std::string& harbor);
  void RefreshEvents();
  void RefreshAgents();
  void RefreshReconciliation();

  const Sources from_;
  Events events_;
  Agents agents_;
  Gauge& healthy_origins_;
  // By name of the Harbor.
  std::map<std::string, Reconciliation> reconciliation_;
  std::optional<Lease> lease_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_BRIDGE_METRICS_H_
