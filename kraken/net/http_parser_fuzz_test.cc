// The first byte chooses between a request (even) and a response (odd) and how the rest is cut into
// portions. However it is cut: the same verdict, the same fields, the same body.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/http_parser.h"

namespace kraken::net {
namespace {

// All that can be told of a message.
struct Message {
  HttpParseState head_state = HttpParseState::kNeedMore;
  int error_status = 0;
  std::string start;
  HeaderMap headers;
  std::string body;
  // 'm' (more), 'd' (done), 'e' (error), '-' (no body was looked for).
  char body_state = '-';
  size_t consumed = 0;
};

HttpLimits SmallLimits() {
  HttpLimits limits;
  limits.max_line_bytes = 128;
  limits.max_head_bytes = 512;
  limits.max_headers = 8;
  limits.max_chunk_line_bytes = 32;
  return limits;
}

// Hands out the text in portions of 1 to `step` bytes.
class Portions {
 public:
  Portions(absl::string_view text, size_t step) : text_(text), step_(step) {}
  absl::string_view view() const { return text_.substr(start_, end_ - start_); }
  bool More() {
    if (end_ == text_.size()) return false;
    end_ = std::min(text_.size(), end_ + 1 + (end_ * 7) % step_);
    return true;
  }
  void Consume(size_t n) {
    KH_CHECK(n <= end_ - start_);
    start_ += n;
  }
  size_t start() const { return start_; }

 private:
  const absl::string_view text_;
  const size_t step_;
  size_t start_ = 0;
  size_t end_ = 0;
};

void ReadBody(const BodyFraming& framing, Portions* portions, Message* message) {
  HttpBodyDecoder decoder(framing, SmallLimits());
  for (;;) {
    const absl::string_view view = portions->view();
    const HttpBodyDecoder::Step step = decoder.Next(view);
    portions->Consume(step.consumed);
    message->body.append(step.data.data(), step.data.size());
    switch (step.kind) {
      case HttpBodyDecoder::Kind::kData:
        KH_CHECK(!step.data.empty());
        continue;
      case HttpBodyDecoder::Kind::kDone:
        message->body_state = 'd';
        return;
      case HttpBodyDecoder::Kind::kError:
        message->body_state = 'e';
        return;
      case HttpBodyDecoder::Kind::kNeedMore:
        message->body_state = 'm';
        if (!portions->More()) return;
    }
  }
}

template <typename Parser>
HttpParseState ReadHead(Parser* parser, Portions* portions) {
  for (;;) {
    size_t consumed = 0;
    const HttpParseState state = parser->Parse(portions->view(), &consumed);
    portions->Consume(consumed);
    if (state != HttpParseState::kNeedMore || !portions->More()) return state;
  }
}

Message Read(absl::string_view text, bool request, size_t step) {
  Message message;
  Portions portions(text, step);
  BodyFraming framing;
  HttpParseError error;
  bool framed = false;
  if (request) {
    HttpRequestParser parser(SmallLimits());
    message.head_state = ReadHead(&parser, &portions);
    if (message.head_state == HttpParseState::kError) message.error_status = parser.error().status;
    if (message.head_state == HttpParseState::kDone) {
      message.start = parser.head().method + " " + parser.head().target;
      message.headers = parser.head().headers;
      framed = RequestBodyFraming(parser.head(), &framing, &error);
      KH_CHECK(IsHeaderName(parser.head().method));
    }
  } else {
    HttpResponseParser parser(SmallLimits());
    message.head_state = ReadHead(&parser, &portions);
    if (message.head_state == HttpParseState::kError) message.error_status = parser.error().status;
    if (message.head_state == HttpParseState::kDone) {
      message.start = std::to_string(parser.head().status) + parser.head().reason;
      message.headers = parser.head().headers;
      framed = ResponseBodyFraming("GET", parser.head(), &framing, &error);
    }
  }
  for (const HeaderMap::Field field : message.headers) {
    KH_CHECK(IsHeaderName(field.name) && IsHeaderValue(field.value));
  }
  KH_CHECK(message.headers.size() <= SmallLimits().max_headers);
  if (framed) {
    ReadBody(framing, &portions, &message);
  } else {
    message.error_status += error.status;
  }
  message.consumed = portions.start();
  return message;
}

}  // namespace
}  // namespace kraken::net

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::net::Message;
  if (size == 0) return 0;
  const bool request = data[0] % 2 == 0;
  const absl::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const Message whole = kraken::net::Read(text, request, text.size() + 1);
  for (const size_t step : {size_t{1}, size_t{3}, size_t{1} + data[0]}) {
    const Message parts = kraken::net::Read(text, request, step);
    KH_CHECK(parts.head_state == whole.head_state);
    KH_CHECK(parts.error_status == whole.error_status);
    KH_CHECK(parts.start == whole.start);
    KH_CHECK(parts.headers == whole.headers);
    KH_CHECK(parts.body == whole.body);
    KH_CHECK(parts.body_state == whole.body_state);
    if (whole.body_state == 'd') KH_CHECK(parts.consumed == whole.consumed);
  }
  return 0;
}
