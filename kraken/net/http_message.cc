#include "kraken/net/http_message.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace kraken::net {
namespace {

struct Phrase {
  int status;
  const char* text;
};

// RFC 9110, 6585 and 8470; ascending.
constexpr Phrase kPhrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

// RFC 9110 §5.6.2: tchar.
constexpr std::array<bool, 256> kTokenChar = [] {
  std::array<bool, 256> table = {};
  for (int c = '0'; c <= '9'; ++c) table[c] = true;
  for (int c = 'a'; c <= 'z'; ++c) table[c] = true;
  for (int c = 'A'; c <= 'Z'; ++c) table[c] = true;
  for (const char c :
       {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'}) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

}  // namespace

HeaderMap::HeaderMap(
    std::initializer_list<std::pair<absl::string_view, absl::string_view>> fields) {
  for (const auto& [name, value] : fields) Add(name, value);
}

void HeaderMap::Add(absl::string_view name, absl::string_view value) {
  const Slot slot = {static_cast<uint32_t>(text_.size()), static_cast<uint32_t>(name.size()),
                     static_cast<uint32_t>(value.size())};
  text_.append(name.data(), name.size());
  text_.append(value.data(), value.size());
  slots_.push_back(slot);
}

void HeaderMap::Set(absl::string_view name, absl::string_view value) {
  // The arguments may be views into this map.
  const std::string name_copy(name);
  const std::string value_copy(value);
  Remove(name_copy);
  Add(name_copy, value_copy);
}

size_t HeaderMap::Remove(absl::string_view name) {
  size_t kept = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (!absl::EqualsIgnoreCase(at(i).name, name)) slots_[kept++] = slots_[i];
  }
  const size_t removed = slots_.size() - kept;
  slots_.resize(kept);
  if (slots_.empty()) text_.clear();
  return removed;
}

void HeaderMap::Clear() {
  slots_.clear();
  text_.clear();
}

void HeaderMap::Reserve(size_t text_bytes, size_t fields) {
  text_.reserve(text_bytes);
  slots_.reserve(fields);
}

HeaderMap::Field HeaderMap::at(size_t i) const {
  const Slot& slot = slots_[i];
  const char* name = text_.data() + slot.offset;
  return {absl::string_view(name, slot.name_size),
          absl::string_view(name + slot.name_size, slot.value_size)};
}

absl::optional<absl::string_view> HeaderMap::Get(absl::string_view name) const {
  for (const Slot& slot : slots_) {
    if (slot.name_size != name.size()) continue;
    const char* text = text_.data() + slot.offset;
    if (absl::EqualsIgnoreCase(absl::string_view(text, slot.name_size), name)) {
      return absl::string_view(text + slot.name_size, slot.value_size);
    }
  }
  return absl::nullopt;
}

absl::string_view HeaderMap::GetOr(absl::string_view name, absl::string_view fallback) const {
  return Get(name).value_or(fallback);
}

std::vector<absl::string_view> HeaderMap::GetAll(absl::string_view name) const {
  std::vector<absl::string_view> result;
  for (const Field field : *this) {
    if (absl::EqualsIgnoreCase(field.name, name)) result.push_back(field.value);
  }
  return result;
}

size_t HeaderMap::Count(absl::string_view name) const {
  size_t count = 0;
  for (const Field field : *this) count += absl::EqualsIgnoreCase(field.name, name) ? 1 : 0;
  return count;
}

bool HeaderMap::HasToken(absl::string_view name, absl::string_view token) const {
  for (const Field field : *this) {
    if (!absl::EqualsIgnoreCase(field.name, name)) continue;
    absl::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t comma = rest.find(',');
      const absl::string_view item = absl::StripAsciiWhitespace(rest.substr(0, comma));
      if (absl::EqualsIgnoreCase(item, token)) return true;
      rest = comma == absl::string_view::npos ? absl::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

bool operator==(const HeaderMap& a, const HeaderMap& b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    const HeaderMap::Field x = a.at(i);
    const HeaderMap::Field y = b.at(i);
    if (!absl::EqualsIgnoreCase(x.name, y.name) || x.value != y.value) return false;
  }
  return true;
}

bool IsHeaderName(absl::string_view name) {
  if (name.empty()) return false;
  for (const char c : name) {
    if (!kTokenChar[static_cast<unsigned char>(c)]) return false;
  }
  return true;
}

bool IsHeaderValue(absl::string_view value) {
  if (!value.empty() && (value.front() == ' ' || value.front() == '\t' || value.back() == ' ' ||
                         value.back() == '\t')) {
    return false;
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  return true;
}

void HttpRequestHead::Clear() {
  method.clear();
  target.clear();
  minor_version = 1;
  headers.Clear();
}

void HttpResponseHead::Clear() {
  status = 200;
  reason.clear();
  minor_version = 1;
  headers.Clear();
}

absl::string_view ReasonPhrase(int status) {
  const auto* const at =
      std::lower_bound(std::begin(kPhrases), std::end(kPhrases), status,
                       [](const Phrase& phrase, int value) { return phrase.status < value; });
  return at != std::end(kPhrases) && at->status == status ? at->text : "Unknown";
}

bool ResponseHasNoBody(absl::string_view method, int status) {
  return method == "HEAD" || (status >= 100 && status < 200) || status == 204 || status == 304;
}

bool IsIdempotentMethod(absl::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS" || method == "TRACE";
}

namespace {

void AppendHeaders(const HeaderMap& headers, std::string* out) {
  for (const HeaderMap::Field field : headers) {
    if (!IsHeaderName(field.name) || !IsHeaderValue(field.value)) continue;
    absl::StrAppend(out, field.name, ": ", field.value, "\r\n");
  }
  out->append("\r\n");
}

}  // namespace

void AppendRequestHead(const HttpRequestHead& head, std::string* out) {
  absl::StrAppend(out, head.method, " ", head.target, " HTTP/1.", head.minor_version, "\r\n");
  AppendHeaders(head.headers, out);
}

void AppendResponseHead(const HttpResponseHead& head, std::string* out) {
  absl::StrAppend(
      out, "HTTP/1.", head.minor_version, " ", head.status, " ",
      head.reason.empty() || !IsHeaderValue(head.reason) ? ReasonPhrase(head.status) : head.reason,
      "\r\n");
  AppendHeaders(head.headers, out);
}

std::string FormatHttpDate(int64_t unix_seconds) {
  static constexpr absl::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr absl::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const time_t seconds = unix_seconds;
  tm parts = {};
  ::gmtime_r(&seconds, &parts);
  return absl::StrFormat("%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[parts.tm_wday], parts.tm_mday,
                         kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min,
                         parts.tm_sec);
}

}  // namespace kraken::net
