#ifndef KRAKEN_DAEMON_LOCAL_IP_H_
#define KRAKEN_DAEMON_LOCAL_IP_H_

#include <string>

#include "absl/status/statusor.h"

namespace kraken::daemon {

// The address that peers shall dial when the command line names none: the IPv4 address of the first
// of eth0, ib0, eth1, eth2 that has one, as Kraken chooses it. NOT_FOUND says how to name one.
absl::StatusOr<std::string> LocalIp();

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_LOCAL_IP_H_
