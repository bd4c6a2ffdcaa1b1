#ifndef KRAKEN_REGISTRY_ERRORS_H_
#define KRAKEN_REGISTRY_ERRORS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/http_message.h"

namespace kraken::registry {

// The one place where registry errors, HTTP statuses and absl::Status meet: as a client
// (StatusFromResponse) and as a server (ResponseFor).

// Codes of the OCI distribution specification 1.1 ("Error Codes"), and those that distribution
// adds.
enum class ErrorCode {
  kBlobUnknown,
  kBlobUploadInvalid,
  kBlobUploadUnknown,
  kDenied,
  kDigestInvalid,
  kManifestBlobUnknown,
  kManifestInvalid,
  kManifestUnknown,
  kNameInvalid,
  kNameUnknown,
  kPaginationNumberInvalid,
  kRangeInvalid,
  kSizeInvalid,
  kTagInvalid,
  kTooManyRequests,
  kUnauthorized,
  kUnavailable,
  kUnknown,
  kUnsupported,
};

// "BLOB_UNKNOWN".
absl::string_view ErrorCodeName(ErrorCode code);

// What an error response of a registry says.
struct RegistryError {
  std::string code;  // as sent; not always one of ErrorCode: Harbor has its own
  std::string message;

  friend bool operator==(const RegistryError&, const RegistryError&) = default;
};

// The longest error body that is read, the most errors that are kept, and how much of each text.
inline constexpr size_t kMaxErrorBodyBytes = 8 * 1024;
inline constexpr size_t kMaxErrors = 8;
inline constexpr size_t kMaxErrorTextBytes = 256;

// {"errors":[{"code","message"}...]}, as far as it can be read; empty if `body` is something else
// (a proxy's HTML page). Control characters become '?': the texts go to logs.
std::vector<RegistryError> ParseErrorBody(absl::string_view body);

// --- As a client ---

// The Status for a response that is no success. `what` names the thing and the place, for example
// "blob sha256:ab… from harbor:5000". The message is "<what>: <status> [CODE: message]".
//
//   400 INVALID_ARGUMENT     401 UNAUTHENTICATED       403 PERMISSION_DENIED   404, 410 NOT_FOUND
//   405, 501 UNIMPLEMENTED   412 FAILED_PRECONDITION (Harbor's policies)       416 OUT_OF_RANGE
//   408, 429, 5xx UNAVAILABLE                          others FAILED_PRECONDITION
//
// The upstream's own words go along as a payload, which UpstreamErrorOf() reads.
absl::Status StatusFromResponse(int http_status, absl::string_view body, absl::string_view what);

// What the registry behind us answered, if `status` came from StatusFromResponse().
struct UpstreamError {
  int http_status = 0;
  RegistryError error;  // the first one; empty if the body had none
};
absl::optional<UpstreamError> UpstreamErrorOf(const absl::Status& status);

// --- As a server ---

// What a request asked for: decides which code an error gets.
enum class ResourceKind { kRepository, kManifest, kBlob };

struct ErrorReply {
  int http_status = 500;
  RegistryError error;
};

// What to tell a client. Refusals of the upstream that concern this client (401, 403, 404, 412,
// 429) keep their status and code; everything else goes by the canonical code:
//
//   INVALID_ARGUMENT 400     UNAUTHENTICATED 401     PERMISSION_DENIED 403    NOT_FOUND 404
//   UNIMPLEMENTED 405        OUT_OF_RANGE 416        RESOURCE_EXHAUSTED 429   DATA_LOSS 502
//   UNAVAILABLE, CANCELLED, ABORTED 503              DEADLINE_EXCEEDED 504    others 500
//
// REQUIRES: !status.ok().
ErrorReply ReplyFor(const absl::Status& status, ResourceKind resource);

// {"errors":[{"code":"…","message":"…"}]} with its Content-Type.
net::HttpResponse ErrorResponse(int http_status, absl::string_view code, absl::string_view message);
net::HttpResponse ErrorResponse(int http_status, ErrorCode code, absl::string_view message);
net::HttpResponse ErrorResponse(const ErrorReply& reply);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_ERRORS_H_
