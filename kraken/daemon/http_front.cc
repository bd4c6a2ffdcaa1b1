#include "kraken/daemon/http_front.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {
namespace {

constexpr absl::string_view kHttpName = "http";

absl::Status ListenAt(net::HttpServer& server, const config::ListenerConfig& listener) {
  net::ListenOptions options;
  const bool is_unix = listener.net == config::ListenerConfig::Network::kUnix;
  if (listener.mode.has_value()) options.unix_mode = *listener.mode;
  const std::string address = is_unix ? absl::StrCat("unix:", listener.addr) : listener.addr;
  return WithExitCode(server.Listen(address, options).status(), config::kExitPortTaken);
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpFront>> HttpFront::Create(const HttpConfig& http,
                                                             const config::LoggingConfig& logging,
                                                             telemetry::Metrics* metrics,
                                                             net::InheritedSockets* sockets) {
  auto front = std::unique_ptr<HttpFront>(new HttpFront(http, sockets));
  if (!logging.has_access_log()) return front;
  auto opened = AccessLog::Open(logging);
  if (!opened.ok()) {
    return WithExitCode(Annotate(opened.status(), "zap.access_log"),
                        config::kExitDirectoryNotWritable);
  }
  front->access_log_ = *std::move(opened);
  metrics->AddCollector(
      [log = front->access_log_.get(),
       written = MirroredCounter(metrics->AddCounter("kraken_access_log_written_lines_total",
                                                     "Requests in the access log.")),
       dropped =
           MirroredCounter(metrics->AddCounter("kraken_access_log_dropped_lines_total",
                                               "Requests that the access log lacks, as its file "
                                               "took them too slowly or not at all."))]() mutable {
        written.Set(log->written_lines());
        dropped.Set(log->dropped_lines());
      });
  return front;
}

net::HttpServerOptions HttpFront::OptionsFor(absl::string_view name) const {
  net::HttpServerOptions options;
  options.request_ids = true;
  options.trusted_proxies = http_.trusted_proxies;
  if (access_log_ != nullptr) options.on_exchange_end = access_log_->ListenerFor(name);
  return options;
}

absl::Status HttpFront::Listen(net::HttpServer& server, absl::string_view name, bool is_main,
                               const config::ListenerConfig& listener) {
  std::vector<net::ListenSocket> inherited = sockets_->Take(name, is_main);
  if (inherited.empty()) return ListenAt(server, listener);
  for (net::ListenSocket& socket : inherited) {
    KH_RETURN_IF_ERROR(server.Listen(std::move(socket)).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<net::HttpServer>> HttpFront::Serve(
    net::EventLoop& loop, int port, bool is_main, std::shared_ptr<const net::TlsContext> tls,
    const net::Router& router) {
  net::HttpServerOptions options = OptionsFor(kHttpName);
  options.tls = std::move(tls);
  auto server = std::make_unique<net::HttpServer>(std::vector<net::EventLoop*>{&loop},
                                                  std::move(options), router.AsHandler());
  config::ListenerConfig usual;
  usual.addr = absl::StrCat(":", port);
  KH_RETURN_IF_ERROR(Listen(*server, kHttpName, is_main, usual));
  for (const config::ListenerConfig& listener : http_.listen) {
    KH_RETURN_IF_ERROR(ListenAt(*server, listener));
  }
  KH_RETURN_IF_ERROR(WithExitCode(sockets_->CheckAllTaken(), config::kExitBadConfig));
  return server;
}

void HttpFront::ReopenLog() {
  if (access_log_ != nullptr) access_log_->Reopen();
}

}  // namespace kraken::daemon
