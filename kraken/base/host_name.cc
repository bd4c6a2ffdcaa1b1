#include "kraken/base/host_name.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace kraken {
namespace {

constexpr size_t kMaxLabelLength = 63;

bool IsValidPort(absl::string_view text) {
  int port = 0;
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(text, &port) && port >= 1 && port <= 65535;
}

// One part of a DNS name. Underscores are no host name by RFC 1123, and in use all the same.
bool IsValidLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kMaxLabelLength && label.front() != '-' &&
         label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_';
         });
}

// The characters of an IPv6 address, and no more: whoever connects parses it.
bool LooksLikeIpv6(absl::string_view text) {
  return text.size() >= 2 && text.size() <= 45 && absl::StrContains(text, ':') &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return absl::ascii_isxdigit(c) || c == ':' || c == '.'; });
}

bool IsValidBracketedHost(absl::string_view text) {
  const size_t close = text.find(']');
  if (close == absl::string_view::npos || !LooksLikeIpv6(text.substr(1, close - 1))) return false;
  const absl::string_view rest = text.substr(close + 1);
  return rest.empty() || (rest[0] == ':' && IsValidPort(rest.substr(1)));
}

}  // namespace

bool IsValidHost(absl::string_view text) {
  if (text.empty()) return false;
  if (text[0] == '[') return IsValidBracketedHost(text);
  const size_t colon = text.find(':');
  if (colon != absl::string_view::npos) {
    if (!IsValidPort(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  if (text.size() > kMaxHostNameLength) return false;
  for (const absl::string_view label : absl::StrSplit(text, '.')) {
    if (!IsValidLabel(label)) return false;
  }
  return true;
}

bool LooksLikeHost(absl::string_view first_component) {
  return absl::StrContains(first_component, '.') || absl::StrContains(first_component, ':') ||
         first_component == "localhost";
}

}  // namespace kraken
