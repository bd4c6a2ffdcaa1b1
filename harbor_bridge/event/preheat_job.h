#ifndef HARBOR_BRIDGE_EVENT_PREHEAT_JOB_H_
#define HARBOR_BRIDGE_EVENT_PREHEAT_JOB_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"

namespace harbor_bridge {

// What Harbor's preheat provider "dragonfly" asks for (Harbor 2.12 and later).
struct PreheatJob {
  kraken::RepositoryName repository;
  kraken::Reference reference;
  // A token with which the image can be pulled for half an hour; empty if none came. A secret: for
  // this job's own requests, never on disk, never in a log.
  std::string bearer_token;
};

// Reads a body of POST /oapi/v1/jobs:
//   {"type":"preheat","args":{"type":"image","url":"https://hub/v2/team/app/manifests/v1",
//    "headers":{"Authorization":"Bearer …"},…}}
// The image is named by nothing but the URL's path. Its host is not looked at: the image is asked
// for at the Harbor whose path the request came to. Scope, clusters, count and timeout are ignored.
// INVALID_ARGUMENT names what is wrong; UNIMPLEMENTED: a job that is no preheat of an image.
absl::StatusOr<PreheatJob> ParsePreheatJob(absl::string_view body);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_PREHEAT_JOB_H_
