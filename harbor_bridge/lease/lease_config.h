#ifndef HARBOR_BRIDGE_LEASE_LEASE_CONFIG_H_
#define HARBOR_BRIDGE_LEASE_LEASE_CONFIG_H_

#include <string>

#include "absl/time/time.h"
#include "kraken/config/reader.h"
#include "kraken/redis/redis_config.h"

namespace harbor_bridge {

// Section `lease`: of all bridges with this lease one does the work. Without the section there is
// one bridge.
struct LeaseConfig {
  // Bridges with the same name take turns. Origins and build-indexes tell leases apart by it, so
  // that bridges which do not take turns, and write to the same cluster, need different ones.
  std::string name;
  kraken::redis::RedisConfig redis;
  // A bridge that dies is replaced within this; one that does not reach Redis works on for most of
  // it.
  absl::Duration ttl = absl::Seconds(10);
};
void ReadConfig(kraken::config::ObjectReader& r, LeaseConfig* c);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_LEASE_CONFIG_H_
