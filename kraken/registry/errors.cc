#include "kraken/registry/errors.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/check.h"
#include "kraken/base/json.h"
#include "kraken/net/http_message.h"

namespace kraken::registry {
namespace {

using nlohmann::json;

// The payload's value is "<http status>\n<code>\n<message>".
constexpr char kUpstreamErrorUrl[] = "kraken-harbor/upstream-registry-error";

// At most kMaxErrorTextBytes, without control characters.
std::string Clean(absl::string_view text) {
  std::string clean(text.substr(0, kMaxErrorTextBytes));
  for (char& c : clean) {
    if (absl::ascii_iscntrl(c)) c = '?';
  }
  return clean;
}

absl::StatusCode StatusCodeFor(int http_status) {
  switch (http_status) {
    case 400:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
    case 410:
      return absl::StatusCode::kNotFound;
    case 405:
    case 501:
      return absl::StatusCode::kUnimplemented;
    case 408:
    case 429:
      return absl::StatusCode::kUnavailable;
    case 416:
      return absl::StatusCode::kOutOfRange;
    default:
      return http_status >= 500 ? absl::StatusCode::kUnavailable
                                : absl::StatusCode::kFailedPrecondition;
  }
}

int HttpStatusFor(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kUnimplemented:
      return 405;
    case absl::StatusCode::kOutOfRange:
      return 416;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kDataLoss:
      return 502;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kAborted:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

ErrorCode UnknownCode(ResourceKind resource) {
  switch (resource) {
    case ResourceKind::kRepository:
      return ErrorCode::kNameUnknown;
    case ResourceKind::kManifest:
      return ErrorCode::kManifestUnknown;
    case ResourceKind::kBlob:
      return ErrorCode::kBlobUnknown;
  }
  return ErrorCode::kUnknown;
}

ErrorCode InvalidCode(ResourceKind resource) {
  switch (resource) {
    case ResourceKind::kRepository:
      return ErrorCode::kNameInvalid;
    case ResourceKind::kManifest:
      return ErrorCode::kManifestInvalid;
    case ResourceKind::kBlob:
      return ErrorCode::kDigestInvalid;
  }
  return ErrorCode::kUnknown;
}

ErrorCode ErrorCodeFor(int http_status, ResourceKind resource) {
  switch (http_status) {
    case 400:
      return InvalidCode(resource);
    case 401:
      return ErrorCode::kUnauthorized;
    case 403:
    case 412:
      return ErrorCode::kDenied;
    case 404:
      return UnknownCode(resource);
    case 405:
      return ErrorCode::kUnsupported;
    case 416:
      return ErrorCode::kRangeInvalid;
    case 429:
      return ErrorCode::kTooManyRequests;
    case 502:
    case 503:
    case 504:
      return ErrorCode::kUnavailable;
    default:
      return ErrorCode::kUnknown;
  }
}

// Refusals that an upstream means for the client rather than for us.
bool IsForTheClient(int http_status) {
  return http_status == 401 || http_status == 403 || http_status == 404 || http_status == 412 ||
         http_status == 429;
}

}  // namespace

absl::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBlobUnknown:
      return "BLOB_UNKNOWN";
    case ErrorCode::kBlobUploadInvalid:
      return "BLOB_UPLOAD_INVALID";
    case ErrorCode::kBlobUploadUnknown:
      return "BLOB_UPLOAD_UNKNOWN";
    case ErrorCode::kDenied:
      return "DENIED";
    case ErrorCode::kDigestInvalid:
      return "DIGEST_INVALID";
    case ErrorCode::kManifestBlobUnknown:
      return "MANIFEST_BLOB_UNKNOWN";
    case ErrorCode::kManifestInvalid:
      return "MANIFEST_INVALID";
    case ErrorCode::kManifestUnknown:
      return "MANIFEST_UNKNOWN";
    case ErrorCode::kNameInvalid:
      return "NAME_INVALID";
    case ErrorCode::kNameUnknown:
      return "NAME_UNKNOWN";
    case ErrorCode::kPaginationNumberInvalid:
      return "PAGINATION_NUMBER_INVALID";
    case ErrorCode::kRangeInvalid:
      return "RANGE_INVALID";
    case ErrorCode::kSizeInvalid:
      return "SIZE_INVALID";
    case ErrorCode::kTagInvalid:
      return "TAG_INVALID";
    case ErrorCode::kTooManyRequests:
      return "TOOMANYREQUESTS";
    case ErrorCode::kUnauthorized:
      return "UNAUTHORIZED";
    case ErrorCode::kUnavailable:
      return "UNAVAILABLE";
    case ErrorCode::kUnknown:
      return "UNKNOWN";
    case ErrorCode::kUnsupported:
      return "UNSUPPORTED";
  }
  return "UNKNOWN";
}

std::vector<RegistryError> ParseErrorBody(absl::string_view body) {
  std::vector<RegistryError> errors;
  if (body.size() > kMaxErrorBodyBytes) return errors;
  const absl::StatusOr<json> document = ParseJson(body);
  if (!document.ok()) return errors;
  const json* list = FindJson(*document, "errors");
  if (list == nullptr || !list->is_array()) return errors;
  for (const json& element : *list) {
    if (errors.size() >= kMaxErrors) break;
    RegistryError error;
    error.code = Clean(JsonString(FindJson(element, "code")).value_or(""));
    error.message = Clean(JsonString(FindJson(element, "message")).value_or(""));
    if (!error.code.empty() || !error.message.empty()) errors.push_back(std::move(error));
  }
  return errors;
}

absl::Status StatusFromResponse(int http_status, absl::string_view body, absl::string_view what) {
  const std::vector<RegistryError> errors = ParseErrorBody(body);
  std::string message = absl::StrCat(what, ": ", http_status);
  if (errors.empty()) {
    absl::StrAppend(&message, " ", net::ReasonPhrase(http_status));
  } else {
    absl::StrAppend(&message, " ", errors[0].code, ": ", errors[0].message);
  }
  absl::Status status(StatusCodeFor(http_status), message);
  const RegistryError first = errors.empty() ? RegistryError{} : errors[0];
  status.SetPayload(kUpstreamErrorUrl,
                    absl::Cord(absl::StrCat(http_status, "\n", first.code, "\n", first.message)));
  return status;
}

absl::optional<UpstreamError> UpstreamErrorOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kUpstreamErrorUrl);
  if (!payload.has_value()) return absl::nullopt;
  const std::string text(*payload);
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  UpstreamError upstream;
  if (lines.size() != 3 || !absl::SimpleAtoi(lines[0], &upstream.http_status)) return absl::nullopt;
  upstream.error = {lines[1], lines[2]};
  return upstream;
}

ErrorReply ReplyFor(const absl::Status& status, ResourceKind resource) {
  KH_CHECK(!status.ok());
  ErrorReply reply;
  reply.http_status = HttpStatusFor(status.code());
  const absl::optional<UpstreamError> upstream = UpstreamErrorOf(status);
  if (upstream.has_value() && IsForTheClient(upstream->http_status)) {
    reply.http_status = upstream->http_status;
    reply.error.code = upstream->error.code;
  }
  if (reply.error.code.empty()) {
    reply.error.code = std::string(ErrorCodeName(ErrorCodeFor(reply.http_status, resource)));
  }
  reply.error.message = std::string(status.message());
  return reply;
}

net::HttpResponse ErrorResponse(int http_status, absl::string_view code,
                                absl::string_view message) {
  json error = json::object();
  error["code"] = std::string(code);
  error["message"] = std::string(message);
  json body = json::object();
  body["errors"] = json::array({std::move(error)});
  net::HttpResponse response;
  response.status = http_status;
  response.headers.Add("Content-Type", "application/json");
  response.body = DumpJson(body);
  return response;
}

net::HttpResponse ErrorResponse(int http_status, ErrorCode code, absl::string_view message) {
  return ErrorResponse(http_status, ErrorCodeName(code), message);
}

net::HttpResponse ErrorResponse(const ErrorReply& reply) {
  return ErrorResponse(reply.http_status, reply.error.code, reply.error.message);
}

}  // namespace kraken::registry
