#ifndef KRAKEN_NET_CONNECTOR_H_
#define KRAKEN_NET_CONNECTOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/resolver.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/transport.h"

namespace kraken::net {

struct ConnectTarget {
  std::string host;  // a name or a numeric address
  uint16_t port = 0;
  std::string unix_path;                  // if set, dialled instead of host and port
  std::shared_ptr<const TlsContext> tls;  // null: plain
};

// One attempt to reach a target: look the name up, try its addresses in order, do the TLS
// handshake. Belongs to its loop's thread. Destroying it cancels: the callback then never runs.
class Connector {
 public:
  // Runs once, never inside Start(). Errors name the host and the address: UNAVAILABLE,
  // DEADLINE_EXCEEDED, UNAUTHENTICATED (TLS). May destroy the connector.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Transport>>)>;

  // `timeout` covers everything. An address that does not answer gets at most an equal share of
  // what is left, so that a dead first address leaves time for the second.
  static std::unique_ptr<Connector> Start(EventLoop* loop, Resolver* resolver, ConnectTarget target,
                                          absl::Duration timeout, Callback callback);
  virtual ~Connector() = default;

 protected:
  Connector() = default;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_CONNECTOR_H_
