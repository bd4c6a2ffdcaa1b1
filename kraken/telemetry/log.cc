#include "kraken/telemetry/log.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/base/go_duration.h"
#include "kraken/telemetry/log_escape.h"

namespace kraken::telemetry {
namespace {

// A field whose name contains one of these is masked: a net below the callers' care.
constexpr absl::string_view kSecretNames[] = {"password", "passphrase",    "secret",
                                              "token",    "authorization", "credential"};

// Room kept for what closes a cut line.
constexpr size_t kReservedBytes = 32;

bool IsSecretName(absl::string_view key) {
  const std::string lower = absl::AsciiStrToLower(key);
  for (const absl::string_view name : kSecretNames) {
    if (absl::StrContains(lower, name)) return true;
  }
  return false;
}

absl::string_view LevelName(LogLevel level, LogEncoding encoding) {
  const bool json = encoding == LogEncoding::kJson;
  switch (level) {
    case LogLevel::kDebug:
      return json ? "debug" : "DEBUG";
    case LogLevel::kInfo:
      return json ? "info" : "INFO";
    case LogLevel::kWarn:
      return json ? "warn" : "WARN";
    case LogLevel::kError:
      return json ? "error" : "ERROR";
  }
  return "";
}

// The value as text; `is_bare` if JSON has it without quotes.
struct Rendered {
  std::string text;
  bool is_bare;
};

Rendered RenderValue(const LogField& field) {
  struct Visitor {
    Rendered operator()(absl::string_view text) const {
      const bool cut = text.size() > kMaxFieldBytes;
      return {absl::StrCat(text.substr(0, kMaxFieldBytes), cut ? "..." : ""), false};
    }
    Rendered operator()(bool value) const { return {value ? "true" : "false", true}; }
    Rendered operator()(int64_t value) const { return {absl::StrCat(value), true}; }
    Rendered operator()(uint64_t value) const { return {absl::StrCat(value), true}; }
    // JSON has neither NaN nor infinity.
    Rendered operator()(double value) const { return {absl::StrCat(value), std::isfinite(value)}; }
    Rendered operator()(absl::Duration value) const { return {FormatGoDuration(value), false}; }
    Rendered operator()(const absl::Status* status) const { return (*this)(status->ToString()); }
  };
  if (IsSecretName(field.key)) return {"***", false};
  return std::visit(Visitor(), field.value.value());
}

std::string RenderJsonField(absl::string_view key, const Rendered& value) {
  return absl::StrCat(",", JsonQuoted(key), ":",
                      value.is_bare ? value.text : JsonQuoted(value.text));
}

std::string FormatTimestamp(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

// Appends fields as long as they leave room for `cut_mark`, which tells that some did not fit.
template <typename Render>
void AppendFields(std::string& line, LogFields fields, absl::string_view cut_mark, Render render) {
  for (const LogField& field : fields) {
    const std::string text = render(field.key, RenderValue(field));
    if (line.size() + text.size() + kReservedBytes > kMaxLineBytes) {
      absl::StrAppend(&line, cut_mark);
      return;
    }
    absl::StrAppend(&line, text);
  }
}

}  // namespace

std::string FormatLogLine(LogEncoding encoding, absl::Time time, LogLevel level,
                          absl::string_view component, absl::string_view message,
                          LogFields fields) {
  message = message.substr(0, kMaxFieldBytes / 2);
  component = component.substr(0, kMaxFieldBytes / 16);
  std::string line;
  if (encoding == LogEncoding::kJson) {
    absl::StrAppend(&line, "{\"ts\":\"", FormatTimestamp(time), "\",\"level\":\"",
                    LevelName(level, encoding), "\"");
    if (!component.empty()) absl::StrAppend(&line, ",\"component\":", JsonQuoted(component));
    absl::StrAppend(&line, ",\"message\":", JsonQuoted(message));
    AppendFields(line, fields, ",\"cut\":true", RenderJsonField);
    absl::StrAppend(&line, "}\n");
    return line;
  }
  absl::StrAppend(&line, FormatTimestamp(time), "\t", LevelName(level, encoding));
  if (!component.empty()) absl::StrAppend(&line, "\t", ConsoleText(component));
  absl::StrAppend(&line, "\t", ConsoleText(message));
  AppendFields(line, fields, " (cut)", [](absl::string_view key, const Rendered& value) {
    return absl::StrCat(" ", ConsoleText(key), "=", ConsoleValue(value.text));
  });
  line.push_back('\n');
  return line;
}

void Logger::Log(LogLevel level, absl::string_view message, LogFields fields) {
  if (!IsEnabled(level)) return;
  const std::string line = FormatLogLine(options_.encoding, options_.clock->Now(), level,
                                         options_.component, message, fields);
  ssize_t written;
  do {
    written = ::write(options_.fd, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size())) {
    dropped_lines_.fetch_add(1, std::memory_order_relaxed);
  }
}

namespace {

// Never destroyed: threads may log until the very end. For the same reason a logger that was
// replaced stays, behind the one that replaced it.
struct LoggerChain {
  LoggerChain(const LogOptions& options, LoggerChain* replaced)
      : logger(options), replaced(replaced) {}

  Logger logger;
  LoggerChain* replaced;
};

std::atomic<LoggerChain*>& CurrentLogger() {
  static std::atomic<LoggerChain*> current = new LoggerChain(LogOptions(), nullptr);
  return current;
}

}  // namespace

void InitLogging(const LogOptions& options) {
  std::atomic<LoggerChain*>& current = CurrentLogger();
  auto* added = new LoggerChain(options, current.load(std::memory_order_acquire));
  while (!current.compare_exchange_weak(added->replaced, added, std::memory_order_acq_rel)) {
  }
}

Logger& ProcessLogger() { return CurrentLogger().load(std::memory_order_acquire)->logger; }

}  // namespace kraken::telemetry
