// The servers by which clients and other processes reach this one over HTTP.
#ifndef KRAKEN_DAEMON_HTTP_FRONT_H_
#define KRAKEN_DAEMON_HTTP_FRONT_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/config/listener_config.h"
#include "kraken/config/logging_config.h"
#include "kraken/daemon/access_log.h"
#include "kraken/daemon/http_config.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/router.h"
#include "kraken/net/tls_context.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::daemon {

// What the HTTP servers of a process have in common: the access log, request ids, whose word is
// taken for a client's address, and that a service manager may have opened their sockets.
//
// Errors carry exit codes. Belongs to the thread that starts the process; ReopenLog() to any.
class HttpFront {
 public:
  // `metrics` and `sockets` outlive it.
  static absl::StatusOr<std::unique_ptr<HttpFront>> Create(const HttpConfig& http,
                                                           const config::LoggingConfig& logging,
                                                           telemetry::Metrics* metrics,
                                                           net::InheritedSockets* sockets);

  // For a server that is called `name` in the access log. This object outlives it.
  net::HttpServerOptions OptionsFor(absl::string_view name) const;

  // Has the server listen on the sockets of its name that were inherited, or else at `listener`.
  // `is_main`: inherited sockets without a name are meant for it too.
  absl::Status Listen(net::HttpServer& server, absl::string_view name, bool is_main,
                      const config::ListenerConfig& listener);

  // The server called "http": on all addresses at `port`, or inherited, and wherever the section
  // `http` says. HTTPS if `tls` is not null. Loop and router outlive it. It is the last one of a
  // process: inherited sockets that nobody has taken by then are an error.
  absl::StatusOr<std::unique_ptr<net::HttpServer>> Serve(net::EventLoop& loop, int port,
                                                         bool is_main,
                                                         std::shared_ptr<const net::TlsContext> tls,
                                                         const net::Router& router);

  // After the access log's file was renamed.
  void ReopenLog();

 private:
  HttpFront(const HttpConfig& http, net::InheritedSockets* sockets)
      : http_(http), sockets_(sockets) {}

  const HttpConfig http_;
  net::InheritedSockets* const sockets_;
  std::unique_ptr<AccessLog> access_log_;  // null: none
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_HTTP_FRONT_H_
