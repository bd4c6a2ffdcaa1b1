// How each scalar type is spelled in a configuration file.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/go_duration.h"
#include "kraken/config/reader.h"
#include "re2/re2.h"

namespace kraken::config {
namespace {

// Patterns are tried on names of a few hundred bytes: this is plenty, and bounds a hostile one.
constexpr int64_t kMaxPatternMemoryBytes = 1 << 20;

// Decimal or 0x…, with '_' between digits as YAML 1.1 allows. A leading zero is refused rather than
// taken for octal, as YAML 1.1 would.
bool ParseInteger(absl::string_view text, int64_t* out) {
  if (absl::StartsWith(text, "_") || absl::EndsWith(text, "_")) return false;
  const std::string digits = absl::StrReplaceAll(text, {{"_", ""}});
  absl::string_view magnitude = digits;
  if (!absl::ConsumePrefix(&magnitude, "-")) absl::ConsumePrefix(&magnitude, "+");
  if (absl::StartsWithIgnoreCase(magnitude, "0x")) {
    return magnitude.size() == digits.size() && absl::SimpleHexAtoi(magnitude, out);
  }
  if (magnitude.empty() || (magnitude.size() > 1 && magnitude[0] == '0') ||
      !std::all_of(magnitude.begin(), magnitude.end(), absl::ascii_isdigit)) {
    return false;
  }
  return absl::SimpleAtoi(digits, out);
}

template <typename T>
bool ReadInteger(const ValueReader& value, T* out) {
  constexpr int64_t kMin = std::numeric_limits<T>::min();
  constexpr int64_t kMax = std::numeric_limits<T>::max();
  const std::string* text = value.Scalar("a whole number");
  if (text == nullptr) return false;
  int64_t number = 0;
  if (!ParseInteger(*text, &number)) return value.WrongType("a whole number");
  if (number < kMin || number > kMax) {
    return value.WrongType(absl::StrCat("a whole number from ", kMin, " to ", kMax));
  }
  *out = static_cast<T>(number);
  return true;
}

}  // namespace

bool ReadScalar(const ValueReader& value, std::string* out) {
  const std::string* text = value.Scalar("a text");
  if (text == nullptr) return false;
  *out = *text;
  return true;
}

bool ReadScalar(const ValueReader& value, bool* out) {
  const std::string* text = value.Scalar("true or false");
  if (text == nullptr) return false;
  for (const absl::string_view word : {"true", "yes", "on", "y"}) {
    if (absl::EqualsIgnoreCase(*text, word)) return *out = true;
  }
  for (const absl::string_view word : {"false", "no", "off", "n"}) {
    if (!absl::EqualsIgnoreCase(*text, word)) continue;
    *out = false;
    return true;
  }
  return value.WrongType("true or false");
}

bool ReadScalar(const ValueReader& value, int32_t* out) { return ReadInteger(value, out); }
bool ReadScalar(const ValueReader& value, int64_t* out) { return ReadInteger(value, out); }
bool ReadScalar(const ValueReader& value, uint32_t* out) { return ReadInteger(value, out); }

bool ReadScalar(const ValueReader& value, double* out) {
  const std::string* text = value.Scalar("a number");
  if (text == nullptr) return false;
  double number = 0;
  if (!absl::SimpleAtod(*text, &number) || !std::isfinite(number)) {
    return value.WrongType("a number");
  }
  *out = number;
  return true;
}

bool ReadScalar(const ValueReader& value, absl::Duration* out) {
  constexpr char kExpected[] = "a duration such as \"100ms\", \"5m\" or \"1h30m\"";
  const std::string* text = value.Scalar(kExpected);
  if (text == nullptr) return false;
  const absl::StatusOr<absl::Duration> duration = ParseGoDuration(*text);
  if (!duration.ok()) return value.WrongType(kExpected);
  *out = *duration;
  return true;
}

bool ReadScalar(const ValueReader& value, ByteSizeTarget* out) {
  constexpr char kExpected[] = "a size such as \"512\", \"100KB\", \"4MB\" or \"50G\"";
  const std::string* text = value.Scalar(kExpected);
  if (text == nullptr) return false;
  const absl::StatusOr<int64_t> size = ParseByteSize(*text);
  if (!size.ok()) return value.WrongType(kExpected);
  *out->bytes = *size;
  return true;
}

bool ReadScalar(const ValueReader& value, std::shared_ptr<const re2::RE2>* out) {
  const std::string* text = value.Scalar("a regular expression");
  if (text == nullptr) return false;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMaxPatternMemoryBytes);
  auto pattern = std::make_shared<const re2::RE2>(*text, options);
  if (!pattern->ok()) {
    // The library's message quotes the pattern.
    value.Error(value.node().is_secret
                    ? "bad regular expression"
                    : absl::StrCat("bad regular expression \"", *text, "\": ", pattern->error()));
    return false;
  }
  *out = std::move(pattern);
  return true;
}

}  // namespace kraken::config
