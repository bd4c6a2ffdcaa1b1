#ifndef KRAKEN_REGISTRY_CONTENT_RESPONSE_H_
#define KRAKEN_REGISTRY_CONTENT_RESPONSE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/byte_range.h"

namespace kraken::registry {

// How a registry answers GET and HEAD for content that it has. Pure: the caller sends.

// The entity tag of content: its digest in quotes, as registries have it.
std::string EtagOf(const Digest& digest);

// Whether an If-None-Match field names this content (RFC 9110 §13.1.2): then the answer is 304.
// Tags are compared weakly; registry clients also send them without quotes.
bool MatchesEtag(absl::string_view if_none_match, const Digest& digest);

// Status and head of an answer. Content-Length is the sender's to add.
struct ContentResponse {
  int status = 200;
  net::HeaderMap headers;
  // Which bytes to send, or to announce in the case of HEAD. Nothing: there is no body (304, 416).
  absl::optional<ByteRange> body;
};

// For a manifest: `media_type` is what it really is (Manifest::media_type()). The Accept field is
// not asked: the specification lets a registry send what it has, and a 404 (as registry 2.8 gives)
// helps nobody.
ContentResponse ManifestResponse(const net::HeaderMap& request_headers, const Digest& digest,
                                 absl::string_view media_type, ByteCount size);

// For a blob, with ranges.
ContentResponse BlobResponse(const net::HeaderMap& request_headers, const Digest& digest,
                             ByteCount size);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_CONTENT_RESPONSE_H_
