// What agents and origins set up alike.
#ifndef KRAKEN_DAEMON_SWARM_SETUP_H_
#define KRAKEN_DAEMON_SWARM_SETUP_H_

#include <string>

#include "absl/status/statusor.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/daemon/tls/tls_settings.h"
#include "kraken/peer_wire/swarm_node.h"

namespace kraken::daemon {

// How the host is known to its peers, where it listens for them, and whom it trusts. `peer_ip`
// empty: LocalIp(). `peer_port` 0: any, and a random peer id.
absl::StatusOr<peer_wire::SwarmNodeOptions> MakeSwarmNodeOptions(const std::string& peer_ip,
                                                                 int peer_port,
                                                                 const TlsSettings& tls,
                                                                 const CompatConfig& compat);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SWARM_SETUP_H_
