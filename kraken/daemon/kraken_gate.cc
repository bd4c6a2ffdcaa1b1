#include "kraken/daemon/kraken_gate.h"

#include <memory>
#include <utility>

#include "kraken/telemetry/log.h"

namespace kraken::daemon {

KrakenGate::KrakenGate(CompatConfig compat) : compat_(std::move(compat)) {}

net::HttpHandler KrakenGate::Guard(net::HttpHandler handler) {
  return [this, handler = std::move(handler)](std::shared_ptr<net::HttpExchange> exchange) {
    // What a proxy says of its client can only shut a door, never open one.
    if (!compat_.allowed_cidrs.Contains(exchange->peer().address) ||
        !compat_.allowed_cidrs.Contains(exchange->client_address())) {
      return Refuse(*exchange);
    }
    handler(std::move(exchange));
  };
}

void KrakenGate::Refuse(net::HttpExchange& exchange) {
  const absl::string_view why =
      compat_.kraken ? "processes of Kraken's version 1 are taken from compat.allowed_cidrs only"
                     : "processes of Kraken's version 1 are taken with compat.kraken only";
  const auto held_back = log_.Admit(net::EventLoop::MonotonicNow());
  if (held_back.has_value()) {
    telemetry::LogWarn("request refused", {{"ip", exchange.client_address().ip()},
                                           {"method", exchange.method()},
                                           {"path", exchange.path()},
                                           {"reason", why},
                                           {"request_id", exchange.request_id()},
                                           {"refused_since_last_line", *held_back}});
  }
  exchange.RespondError(compat_.kraken ? 403 : 404, why);
}

}  // namespace kraken::daemon
