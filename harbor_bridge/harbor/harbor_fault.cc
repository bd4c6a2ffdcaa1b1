#include "harbor_bridge/harbor/harbor_fault.h"

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "harbor_bridge/harbor/api_error.h"
#include "kraken/base/check.h"
#include "kraken/registry/errors.h"

namespace harbor_bridge::api {
namespace {

// Of a request that got no answer.
HarborFault FaultOfTransport(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return HarborFault::kSilent;
    case absl::StatusCode::kUnavailable:
      return HarborFault::kUnreachable;
    default:
      return HarborFault::kFailing;
  }
}

}  // namespace

absl::string_view NameOf(HarborFault fault) {
  switch (fault) {
    case HarborFault::kUnreachable:
      return "unreachable";
    case HarborFault::kSilent:
      return "silent";
    case HarborFault::kCertificate:
      return "certificate";
    case HarborFault::kCredentials:
      return "credentials";
    case HarborFault::kFailing:
      return "failing";
  }
  return "failing";
}

std::string CureOf(HarborFault fault, absl::string_view section) {
  switch (fault) {
    case HarborFault::kUnreachable:
      return absl::StrCat("is ", section,
                          ".address right, is Harbor up, and does a firewall or network policy let "
                          "this host through?");
    case HarborFault::kSilent:
      return "something takes the connection and does not answer: is Harbor overloaded, or a "
             "firewall or proxy before it in the way?";
    case HarborFault::kCertificate:
      return absl::StrCat("if a private authority signed it, name its file in ", section,
                          ".security.tls.cas; if it is for another name, say that in ", section,
                          ".security.tls.name");
    case HarborFault::kCredentials:
      return absl::StrCat("the credentials of ", section,
                          " are missing, wrong, disabled or expired: look at the robot account at "
                          "Harbor, or make a new one with harbor-bridge register --create_robot");
    case HarborFault::kFailing:
      return "it answers, but not as it should: Harbor's /api/v2.0/health says which part is not "
             "well, and is the address a registry's?";
  }
  return "";
}

HarborFault FaultOfRegistry(const absl::Status& status) {
  KH_CHECK(!status.ok());
  const absl::optional<kraken::registry::UpstreamError> upstream =
      kraken::registry::UpstreamErrorOf(status);
  if (upstream.has_value()) {
    return upstream->http_status == 401 || upstream->http_status == 403 ? HarborFault::kCredentials
                                                                        : HarborFault::kFailing;
  }
  // Without an answer, only a certificate can fail to prove who somebody is.
  return absl::IsUnauthenticated(status) ? HarborFault::kCertificate : FaultOfTransport(status);
}

HarborFault FaultOfApi(const absl::Status& status) {
  KH_CHECK(!status.ok());
  if (GotNoAnswer(status)) {
    return absl::IsFailedPrecondition(status) ? HarborFault::kCertificate
                                              : FaultOfTransport(status);
  }
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)
             ? HarborFault::kCredentials
             : HarborFault::kFailing;
}

}  // namespace harbor_bridge::api
