#ifndef HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_
#define HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_

#include <optional>
#include <string>

#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"

namespace harbor_bridge {

// What happened to an image, whoever told it and in whatever form. Events come late, twice and out
// of order: one only says *look*, and what is true is asked of Harbor.
struct ImageEvent {
  enum class Action { kPush, kPull, kDelete, kMount };

  Action action = Action::kPush;
  kraken::RepositoryName repository;
  // Either may be missing: from Harbor 2.15 on a push names no tag.
  std::optional<kraken::Tag> tag;
  std::optional<kraken::Digest> digest;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_
