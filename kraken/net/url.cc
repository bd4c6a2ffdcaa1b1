#include "kraken/net/url.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/socket_address.h"

namespace kraken::net {
namespace {

bool IsUnreserved(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' || c == '_' ||
         c == '~';
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsVisibleAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

std::string Encode(absl::string_view text, bool keep_slash) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size());
  for (const char c : text) {
    if (IsUnreserved(c) || (keep_slash && c == '/')) {
      result.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result.push_back('%');
    result.push_back(kHex[byte >> 4]);
    result.push_back(kHex[byte & 15]);
  }
  return result;
}

absl::Status BadUrl(absl::string_view why) {
  // The text itself may carry credentials.
  return absl::InvalidArgumentError(absl::StrCat("not an http or https URL: ", why));
}

absl::Status CheckHost(absl::string_view host) {
  if (host.empty()) return BadUrl("no host");
  for (const char c : host) {
    if (!IsUnreserved(c) && c != ':') return BadUrl("a character that no host name has");
  }
  return absl::OkStatus();
}

// RFC 3986 §5.2.4, on a path that begins with '/'.
std::string RemoveDotSegments(absl::string_view path) {
  std::vector<absl::string_view> kept;
  const std::vector<absl::string_view> segments = absl::StrSplit(path.substr(1), '/');
  for (size_t i = 0; i < segments.size(); ++i) {
    const bool last = i + 1 == segments.size();
    if (segments[i] == "." || segments[i] == "..") {
      if (segments[i] == ".." && !kept.empty()) kept.pop_back();
      if (last) kept.push_back("");
    } else {
      kept.push_back(segments[i]);
    }
  }
  return absl::StrCat("/", absl::StrJoin(kept, "/"));
}

}  // namespace

absl::StatusOr<Url> Url::Parse(absl::string_view text) {
  if (text.size() > kMaxBytes) return BadUrl("too long");
  if (!IsVisibleAscii(text)) return BadUrl("a space, control character or unescaped UTF-8");
  text = text.substr(0, text.find('#'));
  const size_t colon = text.find("://");
  if (colon == absl::string_view::npos) return BadUrl("no scheme");
  Url url;
  url.scheme = absl::AsciiStrToLower(text.substr(0, colon));
  if (url.scheme != "http" && url.scheme != "https") return BadUrl("other scheme");
  const absl::string_view rest = text.substr(colon + 3);
  const size_t authority_end = std::min(rest.find_first_of("/?"), rest.size());
  const absl::string_view authority = rest.substr(0, authority_end);
  if (absl::StrContains(authority, '@')) return BadUrl("user information is not accepted");
  absl::StatusOr<HostPort> parts =
      SplitHostPort(absl::StripSuffix(authority, ":"), url.is_https() ? 443 : 80);
  if (!parts.ok()) return BadUrl("bad host or port");
  KH_RETURN_IF_ERROR(CheckHost(parts->host));
  url.host = absl::AsciiStrToLower(parts->host);
  url.port = parts->port;
  const absl::string_view target = rest.substr(authority_end);
  url.target = absl::StartsWith(target, "/") ? std::string(target) : absl::StrCat("/", target);
  return url;
}

absl::StatusOr<Url> Url::Resolve(absl::string_view reference) const {
  if (reference.size() > kMaxBytes) return BadUrl("too long");
  if (!IsVisibleAscii(reference)) return BadUrl("a space, control character or unescaped UTF-8");
  reference = reference.substr(0, reference.find('#'));
  if (absl::StartsWith(reference, "//")) return Parse(absl::StrCat(scheme, ":", reference));
  const size_t colon = reference.find(':');
  if (colon != absl::string_view::npos && colon < reference.find_first_of("/?")) {
    return Parse(reference);
  }
  Url result = *this;
  if (reference.empty()) return result;
  const absl::string_view own_path = absl::string_view(target).substr(0, target.find('?'));
  if (reference.front() == '?') {
    result.target = absl::StrCat(own_path, reference);
    return result;
  }
  const size_t query = std::min(reference.find('?'), reference.size());
  const absl::string_view path = reference.substr(0, query);
  const std::string merged = path.front() == '/'
                                 ? std::string(path)
                                 : absl::StrCat(own_path.substr(0, own_path.rfind('/') + 1), path);
  result.target = absl::StrCat(RemoveDotSegments(merged), reference.substr(query));
  return result;
}

std::string Url::host_port() const { return JoinHostPort(host, port); }

std::string Url::host_header() const {
  if (!has_default_port()) return host_port();
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]") : host;
}

bool Url::SameOrigin(const Url& other) const {
  return scheme == other.scheme && host == other.host && port == other.port;
}

std::string Url::ToString() const { return absl::StrCat(scheme, "://", host_header(), target); }

std::string Url::ToLogString() const {
  return absl::StrCat(scheme, "://", host_header(),
                      absl::string_view(target).substr(0, target.find('?')));
}

absl::StatusOr<TargetParts> SplitTarget(absl::string_view target) {
  TargetParts parts;
  absl::string_view rest = target;
  if (target == "*") {
    parts.path = target;
    return parts;
  }
  if (!absl::StartsWith(rest, "/")) {
    if (!absl::StartsWithIgnoreCase(rest, "http://") &&
        !absl::StartsWithIgnoreCase(rest, "https://")) {
      return absl::InvalidArgumentError("request target is neither a path nor an http URL");
    }
    rest.remove_prefix(rest.find("://") + 3);
    const size_t end = std::min(rest.find_first_of("/?"), rest.size());
    parts.authority = rest.substr(0, end);
    rest.remove_prefix(end);
    if (parts.authority.empty()) return absl::InvalidArgumentError("request target without a host");
  }
  const size_t query = rest.find('?');
  parts.path = rest.substr(0, query);
  if (query != absl::string_view::npos) parts.query = rest.substr(query + 1);
  if (parts.path.empty()) parts.path = "/";
  return parts;
}

absl::StatusOr<std::string> PercentDecode(absl::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\0') return absl::InvalidArgumentError("NUL character");
    if (text[i] != '%') {
      result.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexValue(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexValue(text[i + 2]) : -1;
    if (high < 0 || low < 0) return absl::InvalidArgumentError("broken % escape");
    if (high == 0 && low == 0) return absl::InvalidArgumentError("escaped NUL");
    result.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return result;
}

std::string PercentEncode(absl::string_view text) { return Encode(text, /*keep_slash=*/false); }

std::string PercentEncodePath(absl::string_view text) { return Encode(text, /*keep_slash=*/true); }

absl::StatusOr<QueryParams> ParseQuery(absl::string_view query) {
  QueryParams result;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const absl::string_view item = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (item.empty()) continue;
    if (result.size() == kMaxQueryParams) {
      return absl::InvalidArgumentError(absl::StrCat("more than ", kMaxQueryParams, " parameters"));
    }
    const size_t equals = std::min(item.find('='), item.size());
    std::string name(item.substr(0, equals));
    std::string value(item.substr(std::min(equals + 1, item.size())));
    std::replace(name.begin(), name.end(), '+', ' ');
    std::replace(value.begin(), value.end(), '+', ' ');
    KH_ASSIGN_OR_RETURN(std::string decoded_name, PercentDecode(name));
    KH_ASSIGN_OR_RETURN(std::string decoded_value, PercentDecode(value));
    result.emplace_back(std::move(decoded_name), std::move(decoded_value));
  }
  return result;
}

absl::optional<std::string> FindQueryParam(const QueryParams& params, absl::string_view name) {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return absl::nullopt;
}

}  // namespace kraken::net
