#ifndef KRAKEN_DAEMON_COMPAT_CONFIG_H_
#define KRAKEN_DAEMON_COMPAT_CONFIG_H_

#include "kraken/config/reader.h"
#include "kraken/net/cidr_set.h"

namespace kraken::daemon {

// Section `compat` of agents, origins and trackers: whether processes of Kraken's version 1 may be
// part of the cluster.
//   compat: {kraken: true, allowed_cidrs: [10.0.0.0/8]}
struct CompatConfig {
  bool kraken = false;
  // Where they are; nobody proves who he is. Empty unless `kraken`, and then not.
  net::CidrSet allowed_cidrs;
};
void ReadConfig(config::ObjectReader& r, CompatConfig* c);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_COMPAT_CONFIG_H_
