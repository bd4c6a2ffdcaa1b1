#include "kraken/registry/content_response.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/byte_range.h"

namespace kraken::registry {
namespace {

// What is addressed by digest never changes.
constexpr char kForever[] = "max-age=31536000";

net::HeaderMap CommonHeaders(const Digest& digest) {
  net::HeaderMap headers;
  headers.Add("Docker-Distribution-Api-Version", "registry/2.0");
  headers.Add("Docker-Content-Digest", digest.ToString());
  headers.Add("Etag", EtagOf(digest));
  return headers;
}

bool IsNotModified(const net::HeaderMap& request_headers, const Digest& digest) {
  for (absl::string_view field : request_headers.GetAll("If-None-Match")) {
    if (MatchesEtag(field, digest)) return true;
  }
  return false;
}

ByteRange Whole(ByteCount size) { return {ByteOffset(0), size}; }

}  // namespace

std::string EtagOf(const Digest& digest) { return absl::StrCat("\"", digest.ToString(), "\""); }

bool MatchesEtag(absl::string_view if_none_match, const Digest& digest) {
  const std::string wanted = digest.ToString();
  for (absl::string_view tag : absl::StrSplit(if_none_match, ',')) {
    tag = absl::StripAsciiWhitespace(tag);
    if (tag == "*") return true;
    absl::ConsumePrefix(&tag, "W/");
    if (absl::ConsumePrefix(&tag, "\"") && !absl::ConsumeSuffix(&tag, "\"")) continue;
    if (tag == wanted) return true;
  }
  return false;
}

ContentResponse ManifestResponse(const net::HeaderMap& request_headers, const Digest& digest,
                                 absl::string_view media_type, ByteCount size) {
  ContentResponse response;
  response.headers = CommonHeaders(digest);
  if (IsNotModified(request_headers, digest)) {
    response.status = 304;
    return response;
  }
  response.headers.Add("Content-Type", media_type);
  response.body = Whole(size);
  return response;
}

ContentResponse BlobResponse(const net::HeaderMap& request_headers, const Digest& digest,
                             ByteCount size) {
  ContentResponse response;
  response.headers = CommonHeaders(digest);
  response.headers.Add("Cache-Control", kForever);
  response.headers.Add("Accept-Ranges", "bytes");
  if (IsNotModified(request_headers, digest)) {
    response.status = 304;
    return response;
  }
  const RangeDecision decision = DecideRange(request_headers.Get("Range"),
                                             request_headers.Get("If-Range"), EtagOf(digest), size);
  switch (decision.kind) {
    case RangeDecision::Kind::kUnsatisfiable:
      response.status = 416;
      response.headers.Add("Content-Range", UnsatisfiedContentRange(size));
      return response;
    case RangeDecision::Kind::kPartial:
      response.status = 206;
      response.headers.Add("Content-Range", ContentRange(decision.range, size));
      response.body = decision.range;
      break;
    case RangeDecision::Kind::kWhole:
      response.body = Whole(size);
      break;
  }
  response.headers.Add("Content-Type", "application/octet-stream");
  return response;
}

}  // namespace kraken::registry
