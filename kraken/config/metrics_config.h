#ifndef KRAKEN_CONFIG_METRICS_CONFIG_H_
#define KRAKEN_CONFIG_METRICS_CONFIG_H_

namespace kraken::config {

class ObjectReader;

// Section `metrics`. Metrics are always there for Prometheus at /metrics; Kraken's backends
// (statsd, m3) are accepted with a warning.
struct MetricsConfig {};
void ReadConfig(ObjectReader& r, MetricsConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_METRICS_CONFIG_H_
