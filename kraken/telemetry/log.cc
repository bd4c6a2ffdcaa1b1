#include "kraken/telemetry/log.h"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <limits>
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
constexpr size_t kUsualLineBytes = 512;

bool IsSecretName(absl::string_view key) {
  for (; !key.empty(); key.remove_prefix(1)) {
    const char first = absl::ascii_tolower(static_cast<unsigned char>(key[0]));
    for (const absl::string_view name : kSecretNames) {
      if (first == name[0] && absl::StartsWithIgnoreCase(key, name)) return true;
    }
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

// Appends texts as JSON or console text has them.
class ValueAppender {
 public:
  ValueAppender(LogEncoding encoding, std::string* line)
      : json_(encoding == LogEncoding::kJson), line_(line) {}

  void operator()(absl::string_view text) const {
    if (text.size() <= kMaxFieldBytes) return Text(text);
    Text(absl::StrCat(text.substr(0, kMaxFieldBytes), "..."));
  }
  void operator()(bool value) const { absl::StrAppend(line_, value ? "true" : "false"); }
  void operator()(int64_t value) const { absl::StrAppend(line_, value); }
  void operator()(uint64_t value) const { absl::StrAppend(line_, value); }
  void operator()(double value) const {
    // JSON has neither NaN nor infinity.
    if (std::isfinite(value)) return absl::StrAppend(line_, value);
    Text(absl::StrCat(value));
  }
  void operator()(absl::Duration value) const { Text(FormatGoDuration(value)); }
  void operator()(const absl::Status* status) const { (*this)(status->ToString()); }

 private:
  void Text(absl::string_view text) const {
    if (json_) {
      AppendJsonQuoted(line_, text);
    } else {
      absl::StrAppend(line_, ConsoleValue(text));
    }
  }

  const bool json_;
  std::string* const line_;
};

void AppendField(LogEncoding encoding, const LogField& field, std::string* line) {
  if (encoding == LogEncoding::kJson) {
    line->push_back(',');
    AppendJsonQuoted(line, field.key);
    line->push_back(':');
  } else {
    absl::StrAppend(line, " ", ConsoleText(field.key), "=");
  }
  const ValueAppender append(encoding, line);
  if (IsSecretName(field.key)) return append(absl::string_view("***"));
  std::visit(append, field.value.value());
}

// The second is kept, as formatting it costs more than the rest of a line.
void AppendTimestamp(absl::Time time, std::string* line) {
  struct Second {
    int64_t number = std::numeric_limits<int64_t>::min();
    std::string text;
  };
  thread_local Second known;
  const int64_t micros = absl::ToUnixMicros(time);
  const int64_t second = absl::ToUnixSeconds(time);
  if (second != known.number) {
    known.number = second;
    known.text = absl::FormatTime("%Y-%m-%dT%H:%M:%S.", time, absl::UTCTimeZone());
  }
  // Six digits, the first of which stand for a tenth of a second.
  const std::string digits = absl::StrCat(1'000'000 + (micros - second * 1'000'000));
  absl::StrAppend(line, known.text, absl::string_view(digits).substr(1), "Z");
}

// Appends fields as long as they leave room for what tells that some did not fit.
void AppendFields(LogEncoding encoding, absl::Span<const LogField> fields, std::string* line) {
  for (const LogField& field : fields) {
    const size_t before = line->size();
    AppendField(encoding, field, line);
    if (line->size() + kReservedBytes > kMaxLineBytes) {
      line->resize(before);
      absl::StrAppend(line, encoding == LogEncoding::kJson ? ",\"cut\":true" : " (cut)");
      return;
    }
  }
}

}  // namespace

std::string FormatLogLine(LogEncoding encoding, absl::Time time, LogLevel level,
                          absl::string_view component, absl::string_view message,
                          absl::Span<const LogField> fields) {
  message = message.substr(0, kMaxFieldBytes / 2);
  component = component.substr(0, kMaxFieldBytes / 16);
  std::string line;
  line.reserve(kUsualLineBytes);
  if (encoding == LogEncoding::kJson) {
    absl::StrAppend(&line, "{\"ts\":\"");
    AppendTimestamp(time, &line);
    absl::StrAppend(&line, "\",\"level\":\"", LevelName(level, encoding), "\"");
    if (!component.empty()) {
      absl::StrAppend(&line, ",\"component\":");
      AppendJsonQuoted(&line, component);
    }
    absl::StrAppend(&line, ",\"message\":");
    AppendJsonQuoted(&line, message);
    AppendFields(encoding, fields, &line);
    absl::StrAppend(&line, "}\n");
    return line;
  }
  AppendTimestamp(time, &line);
  absl::StrAppend(&line, "\t", LevelName(level, encoding));
  if (!component.empty()) absl::StrAppend(&line, "\t", ConsoleText(component));
  absl::StrAppend(&line, "\t", ConsoleText(message));
  AppendFields(encoding, fields, &line);
  line.push_back('\n');
  return line;
}

std::string FormatLogLine(LogEncoding encoding, absl::Time time, LogLevel level,
                          absl::string_view component, absl::string_view message,
                          LogFields fields) {
  return FormatLogLine(encoding, time, level, component, message,
                       absl::MakeConstSpan(fields.begin(), fields.size()));
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
