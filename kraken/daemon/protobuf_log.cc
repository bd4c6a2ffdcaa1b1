#include "kraken/daemon/protobuf_log.h"

#include <google/protobuf/stubs/logging.h>

#include <cstdio>
#include <string>

namespace kraken::daemon {
namespace {

void WriteFatal(google::protobuf::LogLevel level, const char* file, int line,
                const std::string& message) {
  if (level < google::protobuf::LOGLEVEL_FATAL) return;
  std::fprintf(stderr, "%s:%d: %s\n", file, line, message.c_str());
}

}  // namespace

void SilenceProtobuf() { google::protobuf::SetLogHandler(&WriteFatal); }

}  // namespace kraken::daemon
