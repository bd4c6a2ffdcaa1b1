#include "kraken/daemon/swarm_setup.h"

#include <utility>

#include "kraken/base/peer_id.h"
#include "kraken/base/status_macros.h"
#include "kraken/daemon/local_ip.h"
#include "kraken/net/socket_address.h"

namespace kraken::daemon {

absl::StatusOr<peer_wire::SwarmNodeOptions> MakeSwarmNodeOptions(const std::string& peer_ip,
                                                                 int peer_port,
                                                                 const TlsSettings& tls,
                                                                 const CompatConfig& compat) {
  std::string ip = peer_ip;
  if (ip.empty()) {
    KH_ASSIGN_OR_RETURN(ip, LocalIp());
  }
  const auto port = static_cast<uint16_t>(peer_port);
  peer_wire::SwarmNodeOptions options;
  options.self.ip = ip;
  options.self.port = port;
  options.self.id = port == 0 ? PeerId::Random() : PeerId::FromAddress(ip, port);
  options.listen_address = net::JoinHostPort(ip, port);
  options.security.server = tls.peer_server;
  options.security.client = tls.client;
  options.security.kraken_v1 = compat.allowed_cidrs;
  options.verifier = tls.verifier;
  return options;
}

}  // namespace kraken::daemon
