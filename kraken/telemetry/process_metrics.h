#ifndef KRAKEN_TELEMETRY_PROCESS_METRICS_H_
#define KRAKEN_TELEMETRY_PROCESS_METRICS_H_

#include <vector>

#include "prometheus/metric_family.h"

namespace kraken::telemetry {

// Appends what this process uses now, from /proc/self, under the names that Prometheus' client
// libraries agree on. What can't be read is left out.
void AppendProcessMetrics(double start_time_seconds,
                          std::vector<prometheus::MetricFamily>& families);

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_PROCESS_METRICS_H_
