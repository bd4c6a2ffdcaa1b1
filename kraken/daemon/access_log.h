#ifndef KRAKEN_DAEMON_ACCESS_LOG_H_
#define KRAKEN_DAEMON_ACCESS_LOG_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/config/logging_config.h"
#include "kraken/net/http_server.h"
#include "kraken/telemetry/line_writer.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {

// A line for each HTTP request when it is over, written by a thread of its own.
//
// Thread-safe.
class AccessLog {
 public:
  // As `logging` says; REQUIRES: logging.has_access_log(). The status of open(2), with the path.
  static absl::StatusOr<std::unique_ptr<AccessLog>> Open(const config::LoggingConfig& logging);

  // For HttpServerOptions::on_exchange_end of the server that its lines call `server`. The log
  // outlives the server.
  std::function<void(const net::HttpExchangeSummary&)> ListenerFor(absl::string_view server);

  // See telemetry::LineWriter.
  void Reopen() { writer_->Reopen(); }
  bool Flush(absl::Duration timeout) { return writer_->Flush(timeout); }
  uint64_t written_lines() const { return writer_->written_lines(); }
  uint64_t dropped_lines() const { return writer_->dropped_lines(); }

 private:
  AccessLog(telemetry::LogEncoding encoding, std::unique_ptr<telemetry::LineWriter> writer)
      : encoding_(encoding), writer_(std::move(writer)) {}

  const telemetry::LogEncoding encoding_;
  const std::unique_ptr<telemetry::LineWriter> writer_;
};

// One line, in the form of the process's log, with the message "request" and these fields: server;
// client (an address, or "unix"); proxy, if one asked for the client; method and path, unless what
// came was no request; status (0: the client went away before there was one); sent_bytes and
// received_bytes of the bodies; duration_us; request_id; user_agent; and, if not all was sent or
// the request was refused unread, the reason.
//
// Neither the query nor another field of the request is in it: tokens and signatures are there.
std::string FormatAccessLine(telemetry::LogEncoding encoding, absl::Time time,
                             absl::string_view server, const net::HttpExchangeSummary& summary);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_ACCESS_LOG_H_
