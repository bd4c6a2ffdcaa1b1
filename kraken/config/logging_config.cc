#include "kraken/config/logging_config.h"

#include "kraken/config/reader.h"

namespace kraken::config {

void ReadConfig(ObjectReader& r, LoggingConfig* c) {
  using Level = LoggingConfig::Level;
  using Encoding = LoggingConfig::Encoding;
  r.Enum("level", &c->level,
         {{"debug", Level::kDebug},
          {"info", Level::kInfo},
          {"warn", Level::kWarn},
          {"error", Level::kError},
          // zap's levels above error, which stop a process, are errors here.
          {"dpanic", Level::kError},
          {"panic", Level::kError},
          {"fatal", Level::kError}});
  r.Enum("encoding", &c->encoding, {{"console", Encoding::kConsole}, {"json", Encoding::kJson}});
  if (r.Optional("access_log", &c->access_log) && c->has_access_log() &&
      !c->access_log_is_stderr() && c->access_log.substr(0, 1) != "/") {
    r.Error("access_log", "expected off, stderr, or the absolute path of a file");
  }
  r.IgnoredKrakenKey("development", "there is one mode");
  r.IgnoredKrakenKey("disableCaller", "log lines name no source lines");
  r.IgnoredKrakenKey("disableStacktrace", "log lines have no stack traces");
  r.IgnoredKrakenKey("encoderConfig", "the fields' names and formats are fixed");
  r.IgnoredKrakenKey("outputPaths", "logs go to stderr");
  r.IgnoredKrakenKey("errorOutputPaths", "logs go to stderr");
  r.IgnoredKrakenKey("sampling", "no line is dropped");
  r.IgnoredKrakenKey("initialFields", "every line names the component");
}

}  // namespace kraken::config
