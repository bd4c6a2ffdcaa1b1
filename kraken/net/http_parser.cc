#include "kraken/net/http_parser.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace kraken::net {
namespace {

// RFC 9112 §2.2: some clients send an empty line after a body; more than a few is noise.
constexpr size_t kMaxEmptyLines = 4;
constexpr size_t kMaxMethodBytes = 32;
// Room for the fields of a usual request.
constexpr size_t kUsualHeaderBytes = 512;
constexpr size_t kUsualHeaders = 16;
constexpr absl::string_view kVersionPrefix = "HTTP/1.";

bool IsTarget(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

absl::string_view TrimBlanks(absl::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "HTTP/1.x" → x; -1 if it is no HTTP version, -2 if it is another major one.
int ParseVersion(absl::string_view text) {
  if (text.size() != 8 || !absl::StartsWith(text, "HTTP/") || !IsDigit(text[5]) || text[6] != '.' ||
      !IsDigit(text[7])) {
    return -1;
  }
  if (text[5] != '1') return -2;
  // A higher minor version is answered as 1.1 (RFC 9110 §2.5).
  return text[7] == '0' ? 0 : 1;
}

bool ParseLength(absl::string_view text, uint64_t* length) {
  // 18 digits: an exabyte, and no overflow.
  if (text.empty() || text.size() > 18) return false;
  uint64_t value = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return false;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  *length = value;
  return true;
}

// The fields that frame a body, the same way in requests and responses. *framing stays kNone if
// there are none.
bool FramingFromFields(int minor_version, const HeaderMap& headers, BodyFraming* framing,
                       HttpParseError* error) {
  *framing = BodyFraming();
  bool has_length = false;
  bool has_coding = false;
  uint64_t length = 0;
  for (const HeaderMap::Field field : headers) {
    if (absl::EqualsIgnoreCase(field.name, "Content-Length")) {
      uint64_t value = 0;
      if (!ParseLength(field.value, &value)) {
        *error = {400, "Content-Length is not a number"};
        return false;
      }
      if (has_length && value != length) {
        *error = {400, "two different Content-Lengths"};
        return false;
      }
      has_length = true;
      length = value;
    } else if (absl::EqualsIgnoreCase(field.name, "Transfer-Encoding")) {
      if (has_coding || !absl::EqualsIgnoreCase(field.value, "chunked")) {
        *error = {501, "no transfer coding but chunked is supported"};
        return false;
      }
      has_coding = true;
    }
  }
  if (has_coding && has_length) {
    *error = {400, "both Content-Length and Transfer-Encoding"};
    return false;
  }
  if (has_coding && minor_version == 0) {
    *error = {400, "Transfer-Encoding in an HTTP/1.0 message"};
    return false;
  }
  if (has_coding) *framing = {BodyFraming::Kind::kChunked, 0};
  if (has_length) *framing = {BodyFraming::Kind::kLength, length};
  return true;
}

}  // namespace

bool ParseFieldLine(absl::string_view line, HeaderMap* fields, const char** message) {
  if (!line.empty() && (line.front() == ' ' || line.front() == '\t')) {
    *message = "folded header line";
    return false;
  }
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) {
    *message = "header line without a colon";
    return false;
  }
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = TrimBlanks(line.substr(colon + 1));
  if (!IsHeaderName(name)) {
    *message = "malformed header name";
    return false;
  }
  if (!IsHeaderValue(value)) {
    *message = "control character in a header value";
    return false;
  }
  fields->Add(name, value);
  return true;
}

void HttpHeadParser::ResetLines() {
  error_ = HttpParseError();
  started_ = false;
  failed_ = false;
  scanned_ = 0;
  head_bytes_ = 0;
  empty_lines_ = 0;
}

HttpParseState HttpHeadParser::Fail(int status, const char* message) {
  failed_ = true;
  error_ = {status, message};
  return HttpParseState::kError;
}

HttpParseState HttpHeadParser::NextLine(absl::string_view input, absl::string_view* line) {
  const absl::string_view unseen = input.substr(std::min(scanned_, input.size()));
  const void* feed = unseen.empty() ? nullptr : std::memchr(unseen.data(), '\n', unseen.size());
  const bool complete = feed != nullptr;
  // Without the line feed, and below without the carriage return before it.
  const size_t size =
      complete ? static_cast<size_t>(static_cast<const char*>(feed) - input.data()) : input.size();
  const bool has_return = size > 0 && input[size - 1] == '\r';
  *line = input.substr(0, size - (has_return ? 1 : 0));
  if (!started_ && !(line->empty() && has_return) && size > 0 && !CheckStart(*line)) {
    return HttpParseState::kError;
  }
  if (line->size() > limits_.max_line_bytes) {
    return Fail(started_ ? 431 : start_too_long_status(),
                started_ ? "header line too long" : "start line too long");
  }
  if (head_bytes_ + size + (complete ? 1 : 0) > limits_.max_head_bytes) {
    return Fail(431, "head too long");
  }
  if (!complete) {
    scanned_ = input.size();
    return HttpParseState::kNeedMore;
  }
  if (!has_return) return Fail(400, "line that does not end in CRLF");
  scanned_ = 0;
  head_bytes_ += size + 1;
  return HttpParseState::kDone;
}

HttpParseState HttpHeadParser::TakeStartLine(absl::string_view line) {
  if (line.empty()) {
    if (++empty_lines_ > kMaxEmptyLines) return Fail(400, "empty lines instead of a message");
    return HttpParseState::kNeedMore;
  }
  if (!ParseStart(line)) return HttpParseState::kError;
  started_ = true;
  return HttpParseState::kNeedMore;
}

HttpParseState HttpHeadParser::Parse(absl::string_view input, size_t* consumed) {
  *consumed = 0;
  if (failed_) return HttpParseState::kError;
  for (;;) {
    absl::string_view line;
    const absl::string_view rest = input.substr(*consumed);
    const HttpParseState next = NextLine(rest, &line);
    if (next != HttpParseState::kDone) return next;
    *consumed += line.size() + 2;
    if (!started_) {
      if (TakeStartLine(line) == HttpParseState::kError) return HttpParseState::kError;
      continue;
    }
    if (line.empty()) return HttpParseState::kDone;
    if (fields()->size() == limits_.max_headers) return Fail(431, "too many header lines");
    const char* message = "";
    if (!ParseFieldLine(line, fields(), &message)) return Fail(400, message);
  }
}

void HttpRequestParser::Reset() {
  ResetLines();
  head_.Clear();
  head_.headers.Reserve(kUsualHeaderBytes, kUsualHeaders);
}

bool HttpRequestParser::CheckStart(absl::string_view line) {
  // Whatever does not begin as a method ends at once: TLS on a plain port, random bytes.
  const absl::string_view method = line.substr(0, std::min(line.find(' '), kMaxMethodBytes + 1));
  if (line.empty() || method.size() > kMaxMethodBytes || !IsHeaderName(method)) {
    Fail(400, "not an HTTP request");
    return false;
  }
  return true;
}

bool HttpRequestParser::ParseStart(absl::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == absl::string_view::npos || first == last) {
    Fail(400, "malformed request line");
    return false;
  }
  const absl::string_view target = line.substr(first + 1, last - first - 1);
  const int version = ParseVersion(line.substr(last + 1));
  if (version == -2) {
    Fail(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    return false;
  }
  if (version < 0 || !IsTarget(target)) {
    Fail(400, "malformed request line");
    return false;
  }
  head_.method.assign(line.data(), first);
  head_.target.assign(target.data(), target.size());
  head_.minor_version = version;
  return true;
}

void HttpResponseParser::Reset() {
  ResetLines();
  head_.Clear();
  head_.headers.Reserve(kUsualHeaderBytes, kUsualHeaders);
}

bool HttpResponseParser::CheckStart(absl::string_view line) {
  const size_t size = std::min(line.size(), kVersionPrefix.size());
  if (line.empty() || line.substr(0, size) != kVersionPrefix.substr(0, size)) {
    Fail(400, "not an HTTP/1 response");
    return false;
  }
  return true;
}

bool HttpResponseParser::ParseStart(absl::string_view line) {
  // "HTTP/1.1 200" with the reason, its space too, left out by some servers.
  const int version = ParseVersion(line.substr(0, 8));
  const bool shape = line.size() >= 12 && line[8] == ' ' && IsDigit(line[9]) && IsDigit(line[10]) &&
                     IsDigit(line[11]) && line[9] != '0' && (line.size() == 12 || line[12] == ' ');
  const absl::string_view reason = line.size() > 13 ? TrimBlanks(line.substr(13)) : "";
  if (version < 0 || !shape || !IsHeaderValue(reason)) {
    Fail(400, "malformed status line");
    return false;
  }
  head_.minor_version = version;
  head_.status = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  head_.reason.assign(reason.data(), reason.size());
  return true;
}

bool RequestBodyFraming(const HttpRequestHead& head, BodyFraming* framing, HttpParseError* error) {
  if (!FramingFromFields(head.minor_version, head.headers, framing, error)) return false;
  if (framing->kind == BodyFraming::Kind::kLength && framing->length == 0) *framing = BodyFraming();
  return true;
}

bool ResponseBodyFraming(absl::string_view request_method, const HttpResponseHead& head,
                         BodyFraming* framing, HttpParseError* error) {
  if (ResponseHasNoBody(request_method, head.status)) {
    *framing = BodyFraming();
    return true;
  }
  if (!FramingFromFields(head.minor_version, head.headers, framing, error)) return false;
  if (framing->kind == BodyFraming::Kind::kNone) framing->kind = BodyFraming::Kind::kUntilClose;
  if (framing->kind == BodyFraming::Kind::kLength && framing->length == 0) *framing = BodyFraming();
  return true;
}

bool KeepsAlive(int minor_version, const HeaderMap& headers) {
  if (headers.HasToken("Connection", "close")) return false;
  return minor_version >= 1 || headers.HasToken("Connection", "keep-alive");
}

}  // namespace kraken::net
