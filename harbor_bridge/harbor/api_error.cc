#include "harbor_bridge/harbor/api_error.h"

#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/errors.h"

namespace harbor_bridge::api {
namespace {

constexpr char kNoAnswerUrl[] = "kraken-harbor/no-answer-of-harbor";

std::string Head(const CallDescription& call) {
  return absl::StrCat("Harbor ", call.harbor, ": ", call.method, " ", call.url, ": ");
}

absl::StatusCode CodeOf(int http_status) {
  switch (http_status) {
    case 400:
    case 422:
      return absl::StatusCode::kInvalidArgument;
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 408:
    case 429:
      return absl::StatusCode::kUnavailable;
    case 409:
      return absl::StatusCode::kAlreadyExists;
    default:
      return http_status >= 500 ? absl::StatusCode::kUnavailable
                                : absl::StatusCode::kFailedPrecondition;
  }
}

// Where a redirect leads, without its query: that may carry a secret.
std::string Destination(absl::string_view location) {
  const absl::StatusOr<kraken::net::Url> url = kraken::net::Url::Parse(location);
  return url.ok() ? absl::StrCat(" to ", url->ToLogString()) : "";
}

std::string CureOf(const CallDescription& call, int http_status, absl::string_view location) {
  if (http_status >= 300 && http_status < 400) {
    return absl::StrCat("; it redirects", Destination(location),
                        ": write that address and scheme into harbors[].api");
  }
  switch (http_status) {
    case 401:
      return "; the credentials of harbors[].api are missing, wrong, disabled or expired";
    case 403:
      return call.permission.empty()
                 ? "; the account of harbors[].api may not do this"
                 : absl::StrCat("; the account of harbors[].api lacks the permission ",
                                call.permission);
    case 429:
      return "; lower reconcile.requests_per_second";
    case 502:
    case 503:
    case 504:
      return "; Harbor is not well: its /api/v2.0/health says which part";
    default:
      return "";
  }
}

}  // namespace

absl::Status StatusFromAnswer(const CallDescription& call, int http_status,
                              absl::string_view location, absl::string_view body) {
  std::string message =
      absl::StrCat(Head(call), http_status, " ", kraken::net::ReasonPhrase(http_status));
  const std::vector<kraken::registry::RegistryError> errors =
      kraken::registry::ParseErrorBody(body.substr(0, kraken::registry::kMaxErrorBodyBytes));
  if (!errors.empty()) {
    absl::StrAppend(&message, " [", errors[0].code, ": ", errors[0].message, "]");
  }
  absl::StrAppend(&message, CureOf(call, http_status, location));
  return absl::Status(CodeOf(http_status), message);
}

absl::Status StatusFromTransport(const CallDescription& call, const absl::Status& status) {
  // It names method and address itself.
  const std::string message = absl::StrCat("Harbor ", call.harbor, ": ", status.message());
  absl::Status result(status.code(), message);
  if (absl::IsUnauthenticated(status)) {
    result = absl::FailedPreconditionError(absl::StrCat(
        message,
        "; if a private authority signed it, name its file in harbors[].api.security.tls.cas"));
  }
  result.SetPayload(kNoAnswerUrl, absl::Cord());
  return result;
}

bool GotNoAnswer(const absl::Status& status) { return status.GetPayload(kNoAnswerUrl).has_value(); }

}  // namespace harbor_bridge::api
