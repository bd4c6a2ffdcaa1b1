#ifndef KRAKEN_NET_REQUEST_ID_H_
#define KRAKEN_NET_REQUEST_ID_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/net/http_message.h"

namespace kraken::net {

// What names one request in the logs of everybody it passes through.
inline constexpr absl::string_view kRequestIdField = "X-Request-Id";
inline constexpr size_t kMaxRequestIdBytes = 128;

// 1 to kMaxRequestIdBytes letters, digits, or characters of "-_.:/+=@": nothing that would have to
// be escaped in a log or a header.
bool IsRequestId(absl::string_view text);

// 32 hexadecimal digits, drawn by chance; no secret. Thread-safe.
std::string NewRequestId();

// The client's own id if it sent exactly one that is well-formed, else a new one.
std::string RequestIdFor(const HeaderMap& headers);

}  // namespace kraken::net

#endif  // KRAKEN_NET_REQUEST_ID_H_
