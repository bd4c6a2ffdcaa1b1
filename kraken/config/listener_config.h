#ifndef KRAKEN_CONFIG_LISTENER_CONFIG_H_
#define KRAKEN_CONFIG_LISTENER_CONFIG_H_

#include <optional>
#include <string>

namespace kraken::config {

class ObjectReader;

// Kraken's `listener` sections: {net: tcp, addr: "0.0.0.0:5000"} or {net: unix, addr: /tmp/x.sock}.
// Of ours is `mode: "0660"`, the permissions of a socket's file.
struct ListenerConfig {
  enum class Network { kTcp, kUnix };

  Network net = Network::kTcp;
  // "host:port", ":port" (all addresses), or for kUnix a path. Empty: the component's flags decide.
  std::string addr;
  // Who may connect to a unix-domain socket; empty: what the umask leaves.
  std::optional<int> mode;
};
void ReadConfig(ObjectReader& r, ListenerConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_LISTENER_CONFIG_H_
