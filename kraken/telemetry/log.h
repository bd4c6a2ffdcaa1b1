// Structured logs: a message that is always the same, and fields that are not.
//
//   LogInfo("blob cached", {{"digest", digest.ToString()}, {"size_bytes", size}, {"took",
//   elapsed}});
//
// One line per entry, written to stderr with one write(2), as console text or as JSON
// (`zap.encoding`). A line is at most kMaxLineBytes long, so that lines of several threads and
// processes do not mix in a pipe. Secrets have no place in a log: fields with telling names
// ("password", "token", ...) are masked, and everything else is up to the caller.
#ifndef KRAKEN_TELEMETRY_LOG_H_
#define KRAKEN_TELEMETRY_LOG_H_

#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <variant>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/clock.h"

namespace kraken::telemetry {

// POSIX's PIPE_BUF on Linux: what a pipe takes in one piece.
inline constexpr size_t kMaxLineBytes = 4096;
// Longer texts are cut.
inline constexpr size_t kMaxFieldBytes = 1024;

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogEncoding { kConsole, kJson };

// What a field may hold. Texts are not copied: they must live until the call returns, as
// temporaries in the call's argument list do.
class LogValue {
 public:
  LogValue(const char* text) : value_(absl::string_view(text)) {}         // NOLINT
  LogValue(absl::string_view text) : value_(text) {}                      // NOLINT
  LogValue(const std::string& text) : value_(absl::string_view(text)) {}  // NOLINT
  LogValue(bool value) : value_(value) {}                                 // NOLINT
  LogValue(double value) : value_(value) {}                               // NOLINT
  // As Go prints it: "1m30s".
  LogValue(absl::Duration value) : value_(value) {}          // NOLINT
  LogValue(const absl::Status& status) : value_(&status) {}  // NOLINT
  template <std::signed_integral Integer>
  LogValue(Integer value) : value_(static_cast<int64_t>(value)) {}  // NOLINT
  template <std::unsigned_integral Integer>
  LogValue(Integer value) : value_(static_cast<uint64_t>(value)) {}  // NOLINT

  using Variant = std::variant<absl::string_view, bool, int64_t, uint64_t, double, absl::Duration,
                               const absl::Status*>;
  const Variant& value() const { return value_; }

 private:
  Variant value_;
};

struct LogField {
  absl::string_view key;  // snake_case, units last.
  LogValue value;
};

using LogFields = std::initializer_list<LogField>;

struct LogOptions {
  LogLevel level = LogLevel::kInfo;
  LogEncoding encoding = LogEncoding::kConsole;
  // On every line; empty: left out.
  std::string component;
  int fd = 2;
  const Clock* clock = &SystemClock::Get();
};

// Thread safe, without locks: each call formats its own line.
class Logger {
 public:
  explicit Logger(const LogOptions& options) : options_(options) {}

  bool IsEnabled(LogLevel level) const { return level >= options_.level; }

  void Log(LogLevel level, absl::string_view message, LogFields fields = {});

  // Lines that could not be written.
  uint64_t dropped_lines() const { return dropped_lines_.load(std::memory_order_relaxed); }

 private:
  const LogOptions options_;
  std::atomic<uint64_t> dropped_lines_ = 0;
};

// The text of one entry, with its newline: for logs of another kind that look like this one.
std::string FormatLogLine(LogEncoding encoding, absl::Time time, LogLevel level,
                          absl::string_view component, absl::string_view message, LogFields fields);
std::string FormatLogLine(LogEncoding encoding, absl::Time time, LogLevel level,
                          absl::string_view component, absl::string_view message,
                          absl::Span<const LogField> fields);

// Replaces the process's logger. Call it once, in main(), before other threads log; until then
// entries go to stderr as console text from kInfo on.
void InitLogging(const LogOptions& options);

// The process's logger.
Logger& ProcessLogger();

inline void LogDebug(absl::string_view message, LogFields fields = {}) {
  ProcessLogger().Log(LogLevel::kDebug, message, fields);
}
inline void LogInfo(absl::string_view message, LogFields fields = {}) {
  ProcessLogger().Log(LogLevel::kInfo, message, fields);
}
inline void LogWarn(absl::string_view message, LogFields fields = {}) {
  ProcessLogger().Log(LogLevel::kWarn, message, fields);
}
inline void LogError(absl::string_view message, LogFields fields = {}) {
  ProcessLogger().Log(LogLevel::kError, message, fields);
}

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_LOG_H_
