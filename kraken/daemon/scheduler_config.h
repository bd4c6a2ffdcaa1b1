#ifndef KRAKEN_DAEMON_SCHEDULER_CONFIG_H_
#define KRAKEN_DAEMON_SCHEDULER_CONFIG_H_

#include "kraken/config/bandwidth_config.h"
#include "kraken/config/reader.h"
#include "kraken/swarm/config.h"

namespace kraken::daemon {

// Section `scheduler` of agents and origins: what of Kraken's has a meaning for our engine. Its
// other keys are passed over with a warning that says why.
struct SchedulerConfig {
  // Key `conn.bandwidth`: peers' payload, of the whole process, in each direction.
  config::BandwidthConfig bandwidth;
};
void ReadConfig(config::ObjectReader& r, SchedulerConfig* c);

void ApplyTo(swarm::SwarmConfig& swarm, const SchedulerConfig& config);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SCHEDULER_CONFIG_H_
