#ifndef KRAKEN_KRAKENCTL_SWARM_COUNTERS_H_
#define KRAKEN_KRAKENCTL_SWARM_COUNTERS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::krakenctl {

// What an agent has received from its peers since it started, in bytes.
struct SwarmCounters {
  double from_origins = 0;
  double from_agents = 0;
};

// From an agent's /metrics (Prometheus' text format). NOT_FOUND: it does not count them.
absl::StatusOr<SwarmCounters> ParseSwarmCounters(absl::string_view metrics);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_SWARM_COUNTERS_H_
