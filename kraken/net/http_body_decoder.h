#ifndef KRAKEN_NET_HTTP_BODY_DECODER_H_
#define KRAKEN_NET_HTTP_BODY_DECODER_H_

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/net/http_limits.h"
#include "kraken/net/http_message.h"
#include "kraken/net/http_parser.h"

namespace kraken::net {

// Finds the bytes of a body in a stream, without copying them. A value type; keeps no bytes: as
// with HttpHeadParser, what was not consumed is brought again.
class HttpBodyDecoder {
 public:
  enum class Kind {
    kNeedMore,  // nothing more can be said about the input
    kData,      // `data`, not empty, is part of the body; call again
    kDone,      // the body has ended; what was not consumed belongs to the next message
    kError,     // see error()
  };
  struct Step {
    Kind kind;
    size_t consumed;
    absl::string_view data;  // within the input's consumed part
  };

  // A body of no bytes.
  HttpBodyDecoder() = default;
  HttpBodyDecoder(const BodyFraming& framing, const HttpLimits& limits);

  Step Next(absl::string_view input);
  // The stream has ended: whether the body was complete then.
  bool EndsWithStream() const { return state_ == State::kUntilClose || done(); }
  bool done() const { return state_ == State::kDone; }
  const HttpParseError& error() const { return error_; }

 private:
  enum class State {
    kLength,  // remaining_ bytes, then the end
    kUntilClose,
    kChunkLine,
    kChunkData,  // remaining_ bytes, then CRLF
    kChunkDataEnd,
    kTrailer,
    kDone,
    kError,
  };

  Step TakeData(absl::string_view input);
  Step TakeChunkLine(absl::string_view input);
  Step TakeTrailerLine(absl::string_view input);
  // The next line of at most `max` bytes; false: *step says why not.
  bool TakeLine(absl::string_view input, size_t max, absl::string_view* line, Step* step);
  Step Fail(const char* message);

  State state_ = State::kDone;
  uint64_t remaining_ = 0;
  size_t scanned_ = 0;
  size_t trailer_bytes_ = 0;
  size_t trailer_lines_ = 0;
  HttpLimits limits_;
  HttpParseError error_;
};

// "1a\r\n", the line before a chunk of that many bytes. Returns its length, at most
// kMaxChunkLine; `size` > 0.
inline constexpr size_t kMaxChunkLine = 18;
size_t FormatChunkLine(uint64_t size, char* out);

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_BODY_DECODER_H_
