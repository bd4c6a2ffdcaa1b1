#include "kraken/daemon/access_log.h"

#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/time/clock.h"
#include "kraken/base/status_macros.h"

namespace kraken::daemon {
namespace {

constexpr size_t kMaxUserAgentBytes = 256;
constexpr size_t kMaxFields = 13;

std::string NameOf(const net::SocketAddress& address) {
  return address.is_ip() ? address.ip() : "unix";
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessLog>> AccessLog::Open(const config::LoggingConfig& logging) {
  telemetry::LineWriterOptions options;
  if (!logging.access_log_is_stderr()) options.path = logging.access_log;
  KH_ASSIGN_OR_RETURN(auto writer, telemetry::LineWriter::Open(std::move(options)));
  const auto encoding = logging.encoding == config::LoggingConfig::Encoding::kJson
                            ? telemetry::LogEncoding::kJson
                            : telemetry::LogEncoding::kConsole;
  return std::unique_ptr<AccessLog>(new AccessLog(encoding, std::move(writer)));
}

std::function<void(const net::HttpExchangeSummary&)> AccessLog::ListenerFor(
    absl::string_view server) {
  return [this, server = std::string(server)](const net::HttpExchangeSummary& summary) {
    writer_->Write(FormatAccessLine(encoding_, absl::Now(), server, summary));
  };
}

std::string FormatAccessLine(telemetry::LogEncoding encoding, absl::Time time,
                             absl::string_view server, const net::HttpExchangeSummary& summary) {
  absl::InlinedVector<telemetry::LogField, kMaxFields> fields;
  const std::string client = NameOf(*summary.client);
  std::string proxy;
  fields.push_back({"server", server});
  fields.push_back({"client", client});
  if (summary.request != nullptr && summary.request->forwarded != nullptr) {
    proxy = NameOf(summary.peer->address);
    fields.push_back({"proxy", proxy});
  }
  if (summary.request != nullptr) {
    fields.push_back({"method", summary.request->head.method});
    fields.push_back({"path", summary.path});
  }
  fields.push_back({"status", summary.status});
  fields.push_back({"sent_bytes", summary.response_body_bytes});
  fields.push_back({"received_bytes", summary.request_body_bytes});
  fields.push_back({"duration_us", absl::ToInt64Microseconds(summary.duration)});
  if (summary.request != nullptr) {
    fields.push_back({"request_id", summary.request->id});
    const absl::string_view agent = summary.request->head.headers.GetOr("User-Agent");
    fields.push_back({"user_agent", agent.substr(0, kMaxUserAgentBytes)});
  }
  if (!summary.end.ok()) fields.push_back({"reason", summary.end.message()});
  return telemetry::FormatLogLine(encoding, time, telemetry::LogLevel::kInfo, /*component=*/"",
                                  "request", absl::MakeConstSpan(fields));
}

}  // namespace kraken::daemon
