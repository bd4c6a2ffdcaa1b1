#ifndef HARBOR_BRIDGE_STATUS_WORK_METRICS_H_
#define HARBOR_BRIDGE_STATUS_WORK_METRICS_H_

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/status/harbor_watch.h"
#include "harbor_bridge/work/dispatcher.h"
#include "kraken/registry/cancellation.h"
#include "kraken/storage/job_queue.h"
#include "kraken/telemetry/metrics.h"

namespace harbor_bridge {

// Each Harbor's part of /metrics: how long work takes, what waits, what is dead, how the Harbor is.
// What the queue has to be asked for is looked up every few seconds on a thread of its own.
// Thread-safe.
class WorkMetrics {
 public:
  static constexpr absl::Duration kInterval = absl::Seconds(5);

  // All outlive it.
  WorkMetrics(kraken::telemetry::Metrics* metrics, const Harbors* harbors,
              kraken::storage::JobQueue* queue, const HarborWatch* watch);
  // As Stop().
  ~WorkMetrics();
  WorkMetrics(const WorkMetrics&) = delete;
  WorkMetrics& operator=(const WorkMetrics&) = delete;

  // An attempt has ended.
  void OnEnd(const kraken::storage::Job& job, const Dispatcher::Result& result);

  // Joins the thread.
  void Stop();

 private:
  struct Series {
    kraken::telemetry::Counter* done;
    kraken::telemetry::Counter* failed;
    kraken::telemetry::Histogram* latency;
    kraken::telemetry::Gauge* pending;
    kraken::telemetry::Gauge* running;
    kraken::telemetry::Gauge* dead;
    kraken::telemetry::Gauge* oldest;
    kraken::telemetry::Gauge* up;
    // In the order of api::kHarborFaults.
    std::vector<kraken::telemetry::Gauge*> faults;
  };

  void Sample();

  const Harbors* const harbors_;
  kraken::storage::JobQueue* const queue_;
  const HarborWatch* const watch_;
  // By name of the Harbor.
  std::map<std::string, Series, std::less<>> series_;
  kraken::registry::Cancellation stop_;
  std::thread thread_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_WORK_METRICS_H_
