#include "kraken/registry/registry_paths.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"
#include "kraken/net/url.h"
#include "kraken/registry/errors.h"

namespace kraken::registry {
namespace {

using Parsed = std::variant<RegistryRequest, RegistryRefusal>;

constexpr size_t kMaxUploadIdBytes = 128;

RegistryRefusal Refusal(int http_status, ErrorCode code, absl::string_view message) {
  RegistryRefusal refusal;
  refusal.reply.http_status = http_status;
  refusal.reply.error = {std::string(ErrorCodeName(code)), std::string(message)};
  return refusal;
}

RegistryRefusal NoSuchEndpoint() {
  return Refusal(404, ErrorCode::kUnsupported, "no such endpoint of a registry");
}

// What stands where in a path: everything but the validity of its parts.
struct Shape {
  Endpoint endpoint = Endpoint::kBase;
  size_t name_segments = 0;
  std::string last;  // reference, digest or upload id
};

absl::optional<Shape> ShapeOf(absl::Span<const std::string> segments) {
  const size_t n = segments.size();
  if (n == 1 && segments[0].empty()) return Shape{Endpoint::kBase, 0, ""};
  if (n == 1 && segments[0] == "_catalog") return Shape{Endpoint::kCatalog, 0, ""};
  if (n < 3) return absl::nullopt;
  const std::string& kind = segments[n - 2];
  const std::string& last = segments[n - 1];
  if (n >= 4 && segments[n - 3] == "blobs" && kind == "uploads") {
    return Shape{last.empty() ? Endpoint::kUploadStart : Endpoint::kUpload, n - 3, last};
  }
  if (kind == "blobs" && last == "uploads") return Shape{Endpoint::kUploadStart, n - 2, ""};
  if (kind == "blobs") return Shape{Endpoint::kBlob, n - 2, last};
  if (kind == "manifests") return Shape{Endpoint::kManifest, n - 2, last};
  if (kind == "referrers") return Shape{Endpoint::kReferrers, n - 2, last};
  if (kind == "tags" && last == "list") return Shape{Endpoint::kTagsList, n - 2, ""};
  return absl::nullopt;
}

// The Allow field of an endpoint.
absl::string_view AllowedMethods(Endpoint endpoint, RegistryMode mode) {
  const bool writable = mode == RegistryMode::kReadWrite;
  switch (endpoint) {
    case Endpoint::kManifest:
      return writable ? "GET, HEAD, PUT, DELETE" : "GET, HEAD";
    case Endpoint::kBlob:
      return writable ? "GET, HEAD, DELETE" : "GET, HEAD";
    case Endpoint::kUploadStart:
      return writable ? "POST" : "";
    case Endpoint::kUpload:
      return writable ? "GET, HEAD, PATCH, PUT, DELETE" : "";
    case Endpoint::kBase:
    case Endpoint::kCatalog:
    case Endpoint::kTagsList:
    case Endpoint::kReferrers:
      return "GET, HEAD";
  }
  return "";
}

absl::optional<RegistryRefusal> CheckMethod(Endpoint endpoint, absl::string_view method,
                                            RegistryMode mode) {
  const absl::string_view allowed = AllowedMethods(endpoint, mode);
  for (absl::string_view each : absl::StrSplit(allowed, ", ", absl::SkipEmpty())) {
    if (each == method) return absl::nullopt;
  }
  RegistryRefusal refusal =
      Refusal(405, ErrorCode::kUnsupported,
              mode == RegistryMode::kReadOnly
                  ? "this registry is read-only: push to Harbor, and pull from here"
                  : "no such method here");
  refusal.allow = std::string(allowed);
  return refusal;
}

bool IsUploadId(absl::string_view id) {
  return id.size() <= kMaxUploadIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '=';
         });
}

// Fills in what stands behind the repository's name.
absl::optional<RegistryRefusal> ParseLast(const std::string& last, RegistryRequest& request) {
  switch (request.endpoint) {
    case Endpoint::kBlob:
    case Endpoint::kReferrers: {
      absl::StatusOr<Digest> digest = Digest::Parse(last);
      if (!digest.ok()) {
        return Refusal(400, ErrorCode::kDigestInvalid, digest.status().message());
      }
      request.digest = *digest;
      return absl::nullopt;
    }
    case Endpoint::kManifest: {
      absl::StatusOr<Reference> reference = Reference::Parse(last);
      if (!reference.ok()) {
        const bool is_digest = last.find(':') != std::string::npos;
        return Refusal(400, is_digest ? ErrorCode::kDigestInvalid : ErrorCode::kTagInvalid,
                       reference.status().message());
      }
      request.reference = *std::move(reference);
      return absl::nullopt;
    }
    case Endpoint::kUpload:
      if (!IsUploadId(last)) {
        return Refusal(404, ErrorCode::kBlobUploadUnknown, "no such upload");
      }
      request.upload_id = last;
      return absl::nullopt;
    default:
      return absl::nullopt;
  }
}

}  // namespace

Parsed ParseRegistryPath(absl::string_view method, absl::string_view raw_path, RegistryMode mode) {
  constexpr absl::string_view kRoot = "/v2";
  if (raw_path.substr(0, kRoot.size()) != kRoot) return NoSuchEndpoint();
  absl::string_view rest = raw_path.substr(kRoot.size());
  if (!rest.empty() && rest[0] != '/') return NoSuchEndpoint();
  if (!rest.empty()) rest.remove_prefix(1);

  std::vector<std::string> segments;
  for (absl::string_view escaped : absl::StrSplit(rest, '/')) {
    absl::StatusOr<std::string> segment = net::PercentDecode(escaped);
    if (!segment.ok()) {
      return Refusal(400, ErrorCode::kNameInvalid, segment.status().message());
    }
    segments.push_back(*std::move(segment));
  }
  const absl::optional<Shape> shape = ShapeOf(segments);
  if (!shape.has_value()) return NoSuchEndpoint();

  RegistryRequest request;
  request.endpoint = shape->endpoint;
  if (shape->name_segments > 0) {
    absl::StatusOr<RepositoryName> repository = RepositoryName::Parse(
        absl::StrJoin(absl::MakeSpan(segments).first(shape->name_segments), "/"));
    if (!repository.ok()) {
      return Refusal(400, ErrorCode::kNameInvalid, repository.status().message());
    }
    request.repository = *std::move(repository);
  }
  if (auto refusal = ParseLast(shape->last, request)) return *std::move(refusal);
  if (auto refusal = CheckMethod(shape->endpoint, method, mode)) return *std::move(refusal);
  return request;
}

}  // namespace kraken::registry
