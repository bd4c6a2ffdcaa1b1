#ifndef HARBOR_BRIDGE_WORK_IMAGE_WORK_H_
#define HARBOR_BRIDGE_WORK_IMAGE_WORK_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"

namespace harbor_bridge {

// One thing to do: look at this image at its Harbor. If it is there, have the origins cache all of
// it and tell the build-index what its tag stands for; if it is gone, see that nobody is given it
// any more.
struct ImageWork {
  std::string harbor;
  kraken::RepositoryName repository;
  // Nothing: look which tags of the repository are left.
  std::optional<kraken::Reference> reference;
  // It was told that the image is there: if it is not, it may be on its way.
  bool expected = true;

  // "harbor/repository:tag", "harbor/repository@sha256:…" or "harbor/repository". Work with the
  // same key is the same work: events that come twice, or while it waits, merge.
  std::string Key() const;

  // As a job's payload.
  std::string Encode() const;
  static absl::StatusOr<ImageWork> Decode(absl::string_view payload);
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_IMAGE_WORK_H_
