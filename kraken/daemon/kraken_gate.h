#ifndef KRAKEN_DAEMON_KRAKEN_GATE_H_
#define KRAKEN_DAEMON_KRAKEN_GATE_H_

#include "absl/time/time.h"
#include "kraken/daemon/compat_config.h"
#include "kraken/net/http_exchange.h"
#include "kraken/telemetry/log_throttle.h"

namespace kraken::daemon {

// Stands before the HTTP endpoints that only processes of Kraken's version 1 call, and lets in who
// the section `compat` says. Everybody else is refused: 404 where it is off, else 403; with a line
// in the log that says why. Thread safe.
class KrakenGate {
 public:
  static constexpr absl::Duration kLogInterval = absl::Seconds(10);

  explicit KrakenGate(CompatConfig compat);

  // `handler`, behind the gate. The gate outlives it.
  net::HttpHandler Guard(net::HttpHandler handler);

 private:
  void Refuse(net::HttpExchange& exchange);

  const CompatConfig compat_;
  telemetry::LogThrottle log_{kLogInterval};
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_KRAKEN_GATE_H_
