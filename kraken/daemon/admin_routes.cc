#include "kraken/daemon/admin_routes.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kraken::daemon {
namespace {

const net::HeaderMap& PlainText() {
  static const auto* headers = new net::HeaderMap({{"Content-Type", "text/plain; charset=utf-8"}});
  return *headers;
}

}  // namespace

void AddAdminRoutes(net::Router& router, AdminOptions options) {
  const std::string ok = options.newline ? "OK\n" : "OK";
  router.Add("GET", "/health", [ok](std::shared_ptr<net::HttpExchange> exchange) {
    exchange->Respond(200, PlainText(), ok);
  });
  router.Add(
      "GET", "/readiness",
      [ok, control = options.control,
       readiness = std::move(options.readiness)](std::shared_ptr<net::HttpExchange> exchange) {
        control->Post([ok, readiness, exchange] {
          const absl::Status status = readiness ? readiness() : absl::OkStatus();
          exchange->Post([ok, status](net::HttpExchange& e) {
            if (status.ok()) {
              e.Respond(200, PlainText(), ok);
            } else {
              e.Respond(503, PlainText(), absl::StrCat("not ready: ", status.message(), "\n"));
            }
          });
        });
      });
  router.Add(
      "GET", "/metrics",
      [metrics = options.metrics, control = options.control,
       refresh = std::move(options.refresh_metrics)](std::shared_ptr<net::HttpExchange> exchange) {
        control->Post([metrics, refresh, exchange] {
          if (refresh) refresh();
          exchange->Post([metrics](net::HttpExchange& e) {
            e.Respond(200, {{"Content-Type", telemetry::kMetricsContentType}}, metrics->Expose());
          });
        });
      });
  router.Add(
      "GET", rpc::kCapabilitiesPath,
      [json = rpc::ToJson(options.capabilities)](std::shared_ptr<net::HttpExchange> exchange) {
        exchange->Respond(200, {{"Content-Type", "application/json"}}, json);
      });
}

}  // namespace kraken::daemon
