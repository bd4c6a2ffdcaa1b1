#include "kraken/base/byte_size.h"

#include <cstddef>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kraken {
namespace {

constexpr absl::string_view kUnits = "KMGTP";  // 1024 to the power of the place, from 1

absl::Status SyntaxError() {
  return absl::InvalidArgumentError(
      "byte size: expected a whole number and an optional unit, such as 512, 100KB, 4MB or 50G");
}

}  // namespace

absl::StatusOr<int64_t> ParseByteSize(absl::string_view text) {
  size_t digits = 0;
  while (digits < text.size() && absl::ascii_isdigit(text[digits])) ++digits;
  if (digits == 0) return SyntaxError();
  std::string unit = absl::AsciiStrToUpper(text.substr(digits));
  if (unit.size() > 1 && unit[0] == ' ') unit.erase(0, 1);
  int shift = 0;
  if (!unit.empty() && kUnits.find(unit[0]) != absl::string_view::npos) {
    shift = 10 * (1 + static_cast<int>(kUnits.find(unit[0])));
    unit.erase(0, 1);
    if (unit == "IB") unit = "B";
  }
  if (!unit.empty() && unit != "B") return SyntaxError();
  int64_t number = 0;
  if (!absl::SimpleAtoi(text.substr(0, digits), &number) ||
      number > (std::numeric_limits<int64_t>::max() >> shift)) {
    return absl::OutOfRangeError("byte size: larger than 2^63-1 bytes");
  }
  return number << shift;
}

std::string FormatByteSize(int64_t size_bytes) {
  size_t unit = 0;
  while (size_bytes != 0 && size_bytes % 1024 == 0 && unit < kUnits.size()) {
    size_bytes /= 1024;
    ++unit;
  }
  return unit == 0 ? absl::StrCat(size_bytes, "B")
                   : absl::StrCat(size_bytes, kUnits.substr(unit - 1, 1), "B");
}

}  // namespace kraken
