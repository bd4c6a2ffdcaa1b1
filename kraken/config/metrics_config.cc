#include "kraken/config/metrics_config.h"

#include "kraken/config/reader.h"

namespace kraken::config {

void ReadConfig(ObjectReader& r, MetricsConfig*) {
  constexpr char kReason[] = "metrics are served for Prometheus at /metrics";
  r.IgnoredKrakenKey("backend", kReason);
  r.IgnoredKrakenKey("statsd", kReason);
  r.IgnoredKrakenKey("m3", kReason);
}

}  // namespace kraken::config
