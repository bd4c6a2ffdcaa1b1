#ifndef KRAKEN_NET_HTTP_LIMITS_H_
#define KRAKEN_NET_HTTP_LIMITS_H_

#include <cstddef>

namespace kraken::net {

// What the codec accepts of a message. Tokens of registries reach 8 KiB in one field; signed
// addresses of object stores reach 4 KiB.
struct HttpLimits {
  static constexpr size_t kDefaultMaxLineBytes = 16 * 1024;
  static constexpr size_t kDefaultMaxHeadBytes = 64 * 1024;
  static constexpr size_t kDefaultMaxHeaders = 128;
  static constexpr size_t kDefaultMaxChunkLineBytes = 256;

  // One line of the head, the start line included, without its CRLF.
  size_t max_line_bytes = kDefaultMaxLineBytes;
  // The whole head; the trailer of a chunked body counts apart, with the same limit.
  size_t max_head_bytes = kDefaultMaxHeadBytes;
  size_t max_headers = kDefaultMaxHeaders;
  // A chunk's size line with its extensions.
  size_t max_chunk_line_bytes = kDefaultMaxChunkLineBytes;
};
static_assert(HttpLimits::kDefaultMaxLineBytes <= HttpLimits::kDefaultMaxHeadBytes);

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_LIMITS_H_
