#include "kraken/base/go_duration.h"

#include <cstddef>
#include <cstdint>

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kraken {
namespace {

struct Unit {
  absl::string_view name;
  int64_t nanoseconds;
};

// Both spellings of µ: U+00B5 (micro sign) and U+03BC (Greek mu).
constexpr Unit kUnits[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000},
    {"ms", 1000 * 1000},
    {"s", 1000 * 1000 * 1000},
    {"m", int64_t{60} * 1000 * 1000 * 1000},
    {"h", int64_t{3600} * 1000 * 1000 * 1000},
};

// The largest magnitude, that of the most negative int64_t.
constexpr absl::uint128 kMaxMagnitude = absl::uint128{1} << 63;

absl::Status SyntaxError() {
  return absl::InvalidArgumentError(
      "duration: expected numbers with units, such as 100ms, 5m or 1h30m");
}

absl::Status RangeError() { return absl::OutOfRangeError("duration: beyond 292 years"); }

absl::string_view ConsumeDigits(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && absl::ascii_isdigit(text[length])) ++length;
  const absl::string_view digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

// The value of `digits`, held at one more than kMaxMagnitude once it exceeds that.
absl::uint128 WholeNumber(absl::string_view digits) {
  absl::uint128 value = 0;
  for (const char digit : digits) {
    value = 10 * value + static_cast<uint64_t>(digit - '0');
    if (value > kMaxMagnitude) return kMaxMagnitude + 1;
  }
  return value;
}

// The whole nanoseconds in 0.`digits` of a unit. Digits after the 18th weigh less than that even in
// hours.
absl::uint128 Fraction(absl::string_view digits, int64_t unit_nanoseconds) {
  constexpr size_t kMaxDigits = 18;
  absl::uint128 scale = 1;
  for (size_t i = 0; i < digits.size() && i < kMaxDigits; ++i) scale *= 10;
  return WholeNumber(digits.substr(0, kMaxDigits)) * static_cast<uint64_t>(unit_nanoseconds) /
         scale;
}

// The unit whose name is all that stands before the next number; null if there is none such.
const Unit* ConsumeUnit(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && !absl::ascii_isdigit(text[length]) && text[length] != '.') {
    ++length;
  }
  for (const Unit& unit : kUnits) {
    if (unit.name == text.substr(0, length)) {
      text.remove_prefix(length);
      return &unit;
    }
  }
  return nullptr;
}

absl::StatusOr<absl::Duration> FromMagnitude(absl::uint128 magnitude, bool negative) {
  const absl::uint128 limit = negative ? kMaxMagnitude : kMaxMagnitude - 1;
  if (magnitude > limit) return RangeError();
  const uint64_t bits = absl::Uint128Low64(magnitude);
  return absl::Nanoseconds(static_cast<int64_t>(negative ? 0 - bits : bits));
}

}  // namespace

absl::StatusOr<absl::Duration> ParseGoDuration(absl::string_view text) {
  const bool negative = absl::ConsumePrefix(&text, "-");
  if (!negative) absl::ConsumePrefix(&text, "+");
  if (text.empty()) return SyntaxError();
  absl::uint128 total = 0;
  for (bool first = true; !text.empty(); first = false) {
    const absl::string_view whole = ConsumeDigits(text);
    absl::string_view fraction;
    const bool has_point = absl::ConsumePrefix(&text, ".");
    if (has_point) fraction = ConsumeDigits(text);
    if (whole.empty() && fraction.empty()) return SyntaxError();
    if (first && text.empty() && !has_point) {
      return FromMagnitude(WholeNumber(whole), negative);  // a bare integer: nanoseconds
    }
    const Unit* unit = ConsumeUnit(text);
    if (unit == nullptr) return SyntaxError();
    total += WholeNumber(whole) * static_cast<uint64_t>(unit->nanoseconds) +
             Fraction(fraction, unit->nanoseconds);
    if (total > kMaxMagnitude) return RangeError();
  }
  return FromMagnitude(total, negative);
}

namespace {

// "1.5" from 1,500 thousandths: the decimal `value` / `scale` (a power of ten) without trailing
// zeros.
std::string Decimal(uint64_t value, uint64_t scale) {
  std::string text = absl::StrCat(value / scale);
  uint64_t rest = value % scale;
  if (rest == 0) return text;
  text.push_back('.');
  while (rest != 0) {
    scale /= 10;
    text.push_back(static_cast<char>('0' + rest / scale));
    rest %= scale;
  }
  return text;
}

std::string FormatMagnitude(uint64_t nanoseconds) {
  constexpr uint64_t kMicrosecond = 1000;
  constexpr uint64_t kMillisecond = 1000 * kMicrosecond;
  constexpr uint64_t kSecond = 1000 * kMillisecond;
  constexpr uint64_t kMinute = 60 * kSecond;
  if (nanoseconds == 0) return "0s";
  if (nanoseconds < kMicrosecond) return absl::StrCat(nanoseconds, "ns");
  if (nanoseconds < kMillisecond) {
    return absl::StrCat(Decimal(nanoseconds, kMicrosecond), "\xc2\xb5s");
  }
  if (nanoseconds < kSecond) return absl::StrCat(Decimal(nanoseconds, kMillisecond), "ms");
  std::string text = absl::StrCat(Decimal(nanoseconds % kMinute, kSecond), "s");
  const uint64_t minutes = nanoseconds / kMinute;
  if (minutes > 0) text = absl::StrCat(minutes % 60, "m", text);
  if (minutes >= 60) text = absl::StrCat(minutes / 60, "h", text);
  return text;
}

}  // namespace

std::string FormatGoDuration(absl::Duration duration) {
  const int64_t nanoseconds = absl::ToInt64Nanoseconds(duration);
  if (nanoseconds >= 0) return FormatMagnitude(static_cast<uint64_t>(nanoseconds));
  return absl::StrCat("-", FormatMagnitude(0 - static_cast<uint64_t>(nanoseconds)));
}

}  // namespace kraken
