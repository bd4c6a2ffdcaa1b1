#ifndef KRAKEN_DAEMON_COMMON_CONFIG_H_
#define KRAKEN_DAEMON_COMMON_CONFIG_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/config/logging_config.h"
#include "kraken/config/metrics_config.h"
#include "kraken/config/node.h"
#include "kraken/config/reader.h"
#include "kraken/config/tls_config.h"
#include "kraken/daemon/http_config.h"
#include "kraken/daemon/start_error.h"

namespace kraken::daemon {

// The sections that every process has.
struct CommonConfig {
  config::LoggingConfig zap;
  config::MetricsConfig metrics;
  config::TlsConfig tls;
  HttpConfig http;
};

// Reads them as members of the document `r`, and passes over those of Kraken's that are not needed.
void ReadCommonConfig(config::ObjectReader& r, CommonConfig* c);

// Makes the log what the configuration says, and writes down its warnings.
void ApplyLogging(const config::LoggingConfig& logging, const std::vector<std::string>& warnings);

// A process's whole configuration: T has a ReadConfig and a member `common`. Errors carry the exit
// code of a bad configuration.
template <typename T>
absl::StatusOr<T> ReadDaemonConfig(const config::Node& document) {
  T read;
  std::vector<std::string> warnings;
  const absl::Status status = config::ReadDocument(document, &read, &warnings);
  if (!status.ok()) return WithExitCode(status, config::kExitBadConfig);
  ApplyLogging(read.common.zap, warnings);
  return read;
}

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_COMMON_CONFIG_H_
