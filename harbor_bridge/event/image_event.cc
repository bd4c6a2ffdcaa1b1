#include "harbor_bridge/event/image_event.h"

namespace harbor_bridge {

absl::string_view NameOf(ImageEvent::Kind kind) {
  switch (kind) {
    case ImageEvent::Kind::kPush:
      return "push";
    case ImageEvent::Kind::kMount:
      return "mount";
    case ImageEvent::Kind::kPull:
      return "pull";
    case ImageEvent::Kind::kDelete:
      return "delete";
    case ImageEvent::Kind::kScan:
      return "scan";
    case ImageEvent::Kind::kReplication:
      return "replication";
    case ImageEvent::Kind::kRetention:
      return "retention";
    case ImageEvent::Kind::kQuota:
      return "quota";
  }
  return "";
}

}  // namespace harbor_bridge
