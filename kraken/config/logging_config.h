#ifndef KRAKEN_CONFIG_LOGGING_CONFIG_H_
#define KRAKEN_CONFIG_LOGGING_CONFIG_H_

#include <string>

namespace kraken::config {

class ObjectReader;

// Section `zap`: the process's log. Logs go to stderr, one line each.
//   zap: {level: info, encoding: json, access_log: /var/log/kraken/agent-access.log}
struct LoggingConfig {
  enum class Level { kDebug, kInfo, kWarn, kError };
  enum class Encoding { kConsole, kJson };

  Level level = Level::kInfo;
  Encoding encoding = Encoding::kConsole;
  // Where a line for each HTTP request goes: "off", "stderr", or a file's absolute path.
  std::string access_log = "off";

  bool has_access_log() const { return access_log != "off"; }
  bool access_log_is_stderr() const { return access_log == "stderr"; }
};
void ReadConfig(ObjectReader& r, LoggingConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_LOGGING_CONFIG_H_
