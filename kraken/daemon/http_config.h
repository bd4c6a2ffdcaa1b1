#ifndef KRAKEN_DAEMON_HTTP_CONFIG_H_
#define KRAKEN_DAEMON_HTTP_CONFIG_H_

#include <vector>

#include "kraken/config/listener_config.h"
#include "kraken/config/reader.h"
#include "kraken/net/cidr_set.h"

namespace kraken::daemon {

// Section `http` of every process.
//   http:
//     listen: [{net: unix, addr: /run/kraken/tracker.sock, mode: "0660"}]
//     trusted_proxies: [10.0.0.0/8]
struct HttpConfig {
  // Where the process's server for HTTP listens besides its port.
  std::vector<config::ListenerConfig> listen;
  // Whose X-Forwarded-* fields are believed. Empty, the default: nobody's. A unix-domain socket
  // counts as 127.0.0.1.
  net::CidrSet trusted_proxies;
};
void ReadConfig(config::ObjectReader& r, HttpConfig* c);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_HTTP_CONFIG_H_
