#ifndef KRAKEN_NET_HTTP_PARSER_H_
#define KRAKEN_NET_HTTP_PARSER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/net/http_limits.h"
#include "kraken/net/http_message.h"

namespace kraken::net {

// Why a message was refused.
struct HttpParseError {
  int status = 400;  // what a server answers: 400, 414, 431, 501 or 505
  const char* message = "";
};

enum class HttpParseState { kNeedMore, kDone, kError };

// Splits the head of a message into lines; the part that requests and responses share.
//
// Strict (RFC 9112): every line ends in CRLF, no folded lines, no space before a colon, no control
// character in a value. It keeps no bytes: what is not a whole line yet stays with the caller, who
// brings it again with more behind it. Bytes are looked at once however small the portions are.
class HttpHeadParser {
 public:
  explicit HttpHeadParser(const HttpLimits& limits) : limits_(limits) {}
  virtual ~HttpHeadParser() = default;

  // Takes lines from the front of `input`, which begins with what the last call left over. After
  // kDone, `*consumed` bytes are the head's last and what follows is the body or the next message.
  HttpParseState Parse(absl::string_view input, size_t* consumed);
  // Of kError.
  const HttpParseError& error() const { return error_; }
  // Whether anything of a message has been seen (empty lines before it don't count).
  bool started() const { return started_ || scanned_ > 0; }

 protected:
  // Makes it ready for the next message.
  void ResetLines();
  HttpParseState Fail(int status, const char* message);

  // `line` is the start line or, so far, its beginning; called again as it grows. False after
  // Fail().
  virtual bool CheckStart(absl::string_view line) = 0;
  virtual bool ParseStart(absl::string_view line) = 0;
  virtual HeaderMap* fields() = 0;
  virtual int start_too_long_status() const = 0;

 private:
  // kDone: `*line` is the next one, without CRLF.
  HttpParseState NextLine(absl::string_view input, absl::string_view* line);
  HttpParseState TakeStartLine(absl::string_view line);

  const HttpLimits limits_;
  HttpParseError error_;
  bool started_ = false;  // the start line has been parsed
  bool failed_ = false;
  size_t scanned_ = 0;      // bytes of an unfinished line without a line feed
  size_t head_bytes_ = 0;   // in whole lines so far
  size_t empty_lines_ = 0;  // before the start line
};

class HttpRequestParser : public HttpHeadParser {
 public:
  explicit HttpRequestParser(const HttpLimits& limits) : HttpHeadParser(limits) {}

  HttpRequestHead& head() { return head_; }
  void Reset();

 private:
  bool CheckStart(absl::string_view line) override;
  bool ParseStart(absl::string_view line) override;
  HeaderMap* fields() override { return &head_.headers; }
  int start_too_long_status() const override { return 414; }

  HttpRequestHead head_;
};

class HttpResponseParser : public HttpHeadParser {
 public:
  explicit HttpResponseParser(const HttpLimits& limits) : HttpHeadParser(limits) {}

  HttpResponseHead& head() { return head_; }
  void Reset();

 private:
  bool CheckStart(absl::string_view line) override;
  bool ParseStart(absl::string_view line) override;
  HeaderMap* fields() override { return &head_.headers; }
  int start_too_long_status() const override { return 431; }

  HttpResponseHead head_;
};

// Parses one "name: value" line into `fields`. False, with *message, if it is not well-formed.
bool ParseFieldLine(absl::string_view line, HeaderMap* fields, const char** message);

// How the end of a body is known (RFC 9112 §6.3).
struct BodyFraming {
  enum class Kind { kNone, kLength, kChunked, kUntilClose };

  Kind kind = Kind::kNone;
  uint64_t length = 0;  // of kLength; > 0
};

// False, with *error, for what could be read in two ways: both Content-Length and
// Transfer-Encoding, lengths that differ, a length that is no number, a coding other than chunked
// (501), chunked in HTTP/1.0.
bool RequestBodyFraming(const HttpRequestHead& head, BodyFraming* framing, HttpParseError* error);
bool ResponseBodyFraming(absl::string_view request_method, const HttpResponseHead& head,
                         BodyFraming* framing, HttpParseError* error);

// Whether the connection may carry another message after this one.
bool KeepsAlive(int minor_version, const HeaderMap& headers);

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_PARSER_H_
