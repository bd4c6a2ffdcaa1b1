#ifndef KRAKEN_NET_SERVER_SHARED_H_
#define KRAKEN_NET_SERVER_SHARED_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "kraken/net/http_server.h"

namespace kraken::net {

class ServerConnection;

// What all connections of one server share. Immutable, but for the counters and the flag.
struct ServerShared {
  struct Counters {
    std::atomic<uint64_t> connections_accepted{0};
    std::atomic<uint64_t> connections_open{0};
    std::atomic<uint64_t> requests{0};
    std::atomic<uint64_t> bad_requests{0};
    std::atomic<uint64_t> tls_handshake_failures{0};
    std::atomic<uint64_t> timeouts{0};
    std::atomic<uint64_t> accept_exhausted{0};
  };

  ServerShared(HttpServerOptions server_options, HttpHandler server_handler)
      : options(std::move(server_options)), handler(std::move(server_handler)) {}
  virtual ~ServerShared() = default;

  // Called in the connection's loop, once; drops the owner's reference to it.
  virtual void OnConnectionClosed(ServerConnection* connection) = 0;

  static void Count(std::atomic<uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
  }

  const HttpServerOptions options;
  const HttpHandler handler;
  mutable Counters counters;
  // Once set, no connection is kept alive after its exchange.
  std::atomic<bool> draining{false};
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_SERVER_SHARED_H_
