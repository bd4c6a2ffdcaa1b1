#ifndef HARBOR_BRIDGE_HARBOR_API_ERROR_H_
#define HARBOR_BRIDGE_HARBOR_API_ERROR_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace harbor_bridge::api {

// A call as errors name it.
struct CallDescription {
  std::string harbor;  // its name in the configuration
  std::string method;
  std::string url;  // without query
  // What a robot account needs for it: "artifact:list". Empty: nothing.
  std::string permission;
};

// The one place where an answer of Harbor's API that is no success becomes a Status. The message
// names Harbor, the call, what Harbor said and, where there is one, the cure:
//
//   Harbor eu: GET https://h:443/api/v2.0/projects: 403 Forbidden [FORBIDDEN: …]; the account of
//   harbors[].api lacks the permission artifact:list
//
//   400, 422 INVALID_ARGUMENT   401 UNAUTHENTICATED   403 PERMISSION_DENIED   404 NOT_FOUND
//   409 ALREADY_EXISTS          412 FAILED_PRECONDITION
//   3xx FAILED_PRECONDITION (a redirect: the address is wrong)
//   408, 429, 5xx UNAVAILABLE   others FAILED_PRECONDITION
absl::Status StatusFromAnswer(const CallDescription& call, int http_status,
                              absl::string_view location, absl::string_view body);

// `status` of a call that got no answer. A certificate that does not verify is FAILED_PRECONDITION,
// so that UNAUTHENTICATED always means a credential.
absl::Status StatusFromTransport(const CallDescription& call, const absl::Status& status);
// Whether `status` came from it: Harbor said nothing at all.
bool GotNoAnswer(const absl::Status& status);

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_API_ERROR_H_
