#include "kraken/net/http_body_decoder.h"

#include <algorithm>
#include <cstring>

namespace kraken::net {
namespace {

// 15 hex digits: less than 2^60, and no overflow.
constexpr size_t kMaxChunkSizeDigits = 15;

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// chunk-size [ chunk-ext ], RFC 9112 §7.1. Extensions are checked for characters only.
bool ParseChunkLine(absl::string_view line, uint64_t* size) {
  size_t digits = 0;
  uint64_t value = 0;
  while (digits < line.size() && HexValue(line[digits]) >= 0) {
    if (digits == kMaxChunkSizeDigits) return false;
    value = value * 16 + static_cast<uint64_t>(HexValue(line[digits]));
    ++digits;
  }
  if (digits == 0) return false;
  absl::string_view extension = line.substr(digits);
  while (!extension.empty() && (extension.front() == ' ' || extension.front() == '\t')) {
    extension.remove_prefix(1);
  }
  if (!extension.empty() && extension.front() != ';') return false;
  for (const char c : extension) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return false;
  }
  *size = value;
  return true;
}

}  // namespace

HttpBodyDecoder::HttpBodyDecoder(const BodyFraming& framing, const HttpLimits& limits)
    : limits_(limits) {
  switch (framing.kind) {
    case BodyFraming::Kind::kNone:
      state_ = State::kDone;
      break;
    case BodyFraming::Kind::kLength:
      state_ = framing.length == 0 ? State::kDone : State::kLength;
      remaining_ = framing.length;
      break;
    case BodyFraming::Kind::kChunked:
      state_ = State::kChunkLine;
      break;
    case BodyFraming::Kind::kUntilClose:
      state_ = State::kUntilClose;
      break;
  }
}

HttpBodyDecoder::Step HttpBodyDecoder::Fail(const char* message) {
  state_ = State::kError;
  error_ = {400, message};
  return {Kind::kError, 0, {}};
}

HttpBodyDecoder::Step HttpBodyDecoder::TakeData(absl::string_view input) {
  if (input.empty()) return {Kind::kNeedMore, 0, {}};
  if (state_ == State::kUntilClose) return {Kind::kData, input.size(), input};
  const size_t size = static_cast<size_t>(std::min<uint64_t>(input.size(), remaining_));
  remaining_ -= size;
  if (remaining_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kChunkDataEnd;
  return {Kind::kData, size, input.substr(0, size)};
}

bool HttpBodyDecoder::TakeLine(absl::string_view input, size_t max, absl::string_view* line,
                               Step* step) {
  const size_t start = std::min(scanned_, input.size());
  const void* feed = start == input.size()
                         ? nullptr
                         : std::memchr(input.data() + start, '\n', input.size() - start);
  const size_t size = feed == nullptr
                          ? input.size()
                          : static_cast<size_t>(static_cast<const char*>(feed) - input.data());
  const bool has_return = size > 0 && input[size - 1] == '\r';
  *line = input.substr(0, size - (has_return ? 1 : 0));
  if (line->size() > max) {
    *step = Fail("line in a chunked body too long");
  } else if (feed == nullptr) {
    scanned_ = input.size();
    *step = {Kind::kNeedMore, 0, {}};
  } else if (!has_return) {
    *step = Fail("line in a chunked body does not end in CRLF");
  } else {
    scanned_ = 0;
    return true;
  }
  return false;
}

HttpBodyDecoder::Step HttpBodyDecoder::TakeChunkLine(absl::string_view input) {
  absl::string_view line;
  Step step = {};
  if (!TakeLine(input, limits_.max_chunk_line_bytes, &line, &step)) return step;
  uint64_t size = 0;
  if (!ParseChunkLine(line, &size)) return Fail("malformed chunk size");
  remaining_ = size;
  state_ = size == 0 ? State::kTrailer : State::kChunkData;
  return {Kind::kNeedMore, line.size() + 2, {}};
}

HttpBodyDecoder::Step HttpBodyDecoder::TakeTrailerLine(absl::string_view input) {
  absl::string_view line;
  Step step = {};
  if (!TakeLine(input, limits_.max_line_bytes, &line, &step)) return step;
  trailer_bytes_ += line.size() + 2;
  if (line.empty()) {
    state_ = State::kDone;
    return {Kind::kDone, 2, {}};
  }
  if (trailer_bytes_ > limits_.max_head_bytes || ++trailer_lines_ > limits_.max_headers) {
    return Fail("trailer of a chunked body too long");
  }
  // Checked, and dropped: nothing here needs a trailer, and none may pass for a header.
  HeaderMap dropped;
  const char* message = "";
  if (!ParseFieldLine(line, &dropped, &message)) return Fail(message);
  return {Kind::kNeedMore, line.size() + 2, {}};
}

HttpBodyDecoder::Step HttpBodyDecoder::Next(absl::string_view input) {
  size_t consumed = 0;
  for (;;) {
    const absl::string_view rest = input.substr(consumed);
    Step step = {Kind::kNeedMore, 0, {}};
    switch (state_) {
      case State::kDone:
        return {Kind::kDone, consumed, {}};
      case State::kError:
        return {Kind::kError, consumed, {}};
      case State::kLength:
      case State::kUntilClose:
      case State::kChunkData:
        step = TakeData(rest);
        break;
      case State::kChunkLine:
        step = TakeChunkLine(rest);
        break;
      case State::kChunkDataEnd:
        if ((!rest.empty() && rest[0] != '\r') || (rest.size() >= 2 && rest[1] != '\n')) {
          step = Fail("chunk longer than its size says");
        } else if (rest.size() >= 2) {
          state_ = State::kChunkLine;
          step.consumed = 2;
        }
        break;
      case State::kTrailer:
        step = TakeTrailerLine(rest);
        break;
    }
    consumed += step.consumed;
    if (step.kind != Kind::kNeedMore || step.consumed == 0) {
      return {step.kind, consumed, step.data};
    }
  }
}

size_t FormatChunkLine(uint64_t size, char* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  char digits[16];
  size_t count = 0;
  do {
    digits[count++] = kHex[size & 15];
    size >>= 4;
  } while (size != 0);
  for (size_t i = 0; i < count; ++i) out[i] = digits[count - 1 - i];
  out[count] = '\r';
  out[count + 1] = '\n';
  return count + 2;
}

}  // namespace kraken::net
