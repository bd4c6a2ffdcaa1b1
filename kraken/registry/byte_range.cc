#include "kraken/registry/byte_range.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/strong_index.h"

namespace kraken::registry {
namespace {

using Kind = RangeDecision::Kind;

// Digits only. A number too large for 63 bits is as good as the largest: sizes end there.
absl::optional<int64_t> ParseNumber(absl::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit)) {
    return absl::nullopt;
  }
  int64_t value = 0;
  return absl::SimpleAtoi(text, &value) ? value : std::numeric_limits<int64_t>::max();
}

RangeDecision Partial(int64_t first, int64_t length) {
  return {Kind::kPartial, {ByteOffset(first), ByteCount(length)}};
}

// One "first-last", "first-" or "-suffix".
RangeDecision DecideSpec(absl::string_view spec, int64_t size) {
  const size_t dash = spec.find('-');
  if (dash == absl::string_view::npos) return {};
  const absl::string_view first_text = absl::StripAsciiWhitespace(spec.substr(0, dash));
  const absl::string_view last_text = absl::StripAsciiWhitespace(spec.substr(dash + 1));
  const absl::optional<int64_t> first = ParseNumber(first_text);
  const absl::optional<int64_t> last = ParseNumber(last_text);
  if (first_text.empty()) {
    if (!last.has_value()) return {};
    const int64_t length = std::min(*last, size);
    if (length == 0) return {Kind::kUnsatisfiable, {}};
    return Partial(size - length, length);
  }
  if (!first.has_value() || (!last_text.empty() && !last.has_value())) return {};
  const int64_t end = std::min(last.value_or(size - 1), size - 1);
  if (*first >= size || end < *first) return {Kind::kUnsatisfiable, {}};
  return Partial(*first, end - *first + 1);
}

}  // namespace

RangeDecision DecideRange(absl::optional<absl::string_view> range_header,
                          absl::optional<absl::string_view> if_range, absl::string_view etag,
                          ByteCount size) {
  if (!range_header.has_value()) return {};
  if (if_range.has_value() && absl::StripAsciiWhitespace(*if_range) != etag) return {};
  absl::string_view spec = absl::StripAsciiWhitespace(*range_header);
  constexpr absl::string_view kUnit = "bytes=";
  if (!absl::StartsWithIgnoreCase(spec, kUnit)) return {};
  spec = absl::StripAsciiWhitespace(spec.substr(kUnit.size()));
  if (absl::StrContains(spec, ',')) return {};
  return DecideSpec(spec, size.value());
}

std::string ContentRange(const ByteRange& range, ByteCount size) {
  const int64_t first = range.offset.value();
  return absl::StrCat("bytes ", first, "-", first + range.length.value() - 1, "/", size.value());
}

std::string UnsatisfiedContentRange(ByteCount size) {
  return absl::StrCat("bytes */", size.value());
}

absl::StatusOr<ReceivedRange> ParseContentRange(absl::string_view header) {
  absl::Status error = absl::InvalidArgumentError("malformed Content-Range");
  absl::string_view text = absl::StripAsciiWhitespace(header);
  constexpr absl::string_view kUnit = "bytes ";
  if (!absl::StartsWithIgnoreCase(text, kUnit)) return error;
  text = absl::StripAsciiWhitespace(text.substr(kUnit.size()));
  const size_t dash = text.find('-');
  const size_t slash = text.find('/');
  if (dash == absl::string_view::npos || slash == absl::string_view::npos || dash > slash) {
    return error;
  }
  const absl::optional<int64_t> first = ParseNumber(text.substr(0, dash));
  const absl::optional<int64_t> last = ParseNumber(text.substr(dash + 1, slash - dash - 1));
  if (!first.has_value() || !last.has_value() || *last < *first ||
      *last == std::numeric_limits<int64_t>::max()) {
    return error;
  }
  ReceivedRange received;
  received.range = {ByteOffset(*first), ByteCount(*last - *first + 1)};
  const absl::string_view size_text = text.substr(slash + 1);
  if (size_text == "*") return received;
  const absl::optional<int64_t> size = ParseNumber(size_text);
  if (!size.has_value() || *last >= *size) return error;
  received.size = ByteCount(*size);
  return received;
}

}  // namespace kraken::registry
