#include "kraken/daemon/common_config.h"

#include "kraken/telemetry/log.h"

namespace kraken::daemon {

void ReadCommonConfig(config::ObjectReader& r, CommonConfig* c) {
  r.Optional("zap", &c->zap);
  r.Optional("metrics", &c->metrics);
  r.Optional("tls", &c->tls);
  r.Optional("http", &c->http);
  r.IgnoredKrakenKey("nginx", "each process serves HTTP and TLS itself");
}

void ApplyLogging(const config::LoggingConfig& logging, const std::vector<std::string>& warnings) {
  using Level = config::LoggingConfig::Level;
  telemetry::LogOptions options;
  switch (logging.level) {
    case Level::kDebug:
      options.level = telemetry::LogLevel::kDebug;
      break;
    case Level::kInfo:
      options.level = telemetry::LogLevel::kInfo;
      break;
    case Level::kWarn:
      options.level = telemetry::LogLevel::kWarn;
      break;
    case Level::kError:
      options.level = telemetry::LogLevel::kError;
      break;
  }
  options.encoding = logging.encoding == config::LoggingConfig::Encoding::kJson
                         ? telemetry::LogEncoding::kJson
                         : telemetry::LogEncoding::kConsole;
  telemetry::InitLogging(options);
  for (const std::string& warning : warnings) {
    telemetry::LogWarn("configuration", {{"warning", warning}});
  }
}

}  // namespace kraken::daemon
