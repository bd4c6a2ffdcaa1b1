#ifndef KRAKEN_CONFIG_LOGGING_CONFIG_H_
#define KRAKEN_CONFIG_LOGGING_CONFIG_H_

namespace kraken::config {

class ObjectReader;

// Section `zap`: the process's log. Logs go to stderr, one line each.
struct LoggingConfig {
  enum class Level { kDebug, kInfo, kWarn, kError };
  enum class Encoding { kConsole, kJson };

  Level level = Level::kInfo;
  Encoding encoding = Encoding::kConsole;
};
void ReadConfig(ObjectReader& r, LoggingConfig* c);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_LOGGING_CONFIG_H_
