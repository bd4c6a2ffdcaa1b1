#ifndef KRAKEN_DAEMON_ADMIN_ROUTES_H_
#define KRAKEN_DAEMON_ADMIN_ROUTES_H_

#include <functional>

#include "absl/status/status.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/router.h"
#include "kraken/rpc/capabilities.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::daemon {

struct AdminOptions {
  rpc::Capabilities capabilities;
  telemetry::Metrics* metrics = nullptr;
  // Where the two below are called.
  net::EventLoop* control = nullptr;
  // OK, or what is missing for the process to do its work. May be empty.
  std::function<absl::Status()> readiness;
  // Brings the metrics up to date before they are shown. May be empty.
  std::function<void()> refresh_metrics;
  // Kraken's agent answers "OK", the others "OK" and a newline.
  bool newline = true;
};

// What operators and our other processes ask any process of ours:
//   GET /health          200 while the process serves
//   GET /readiness       200, or 503 and what is missing
//   GET /metrics         Prometheus' text format
//   GET /x/capabilities  kraken/rpc/capabilities.h
// `options.metrics` outlives the router.
void AddAdminRoutes(net::Router& router, AdminOptions options);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_ADMIN_ROUTES_H_
