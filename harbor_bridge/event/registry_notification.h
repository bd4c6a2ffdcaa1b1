#ifndef HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_
#define HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/event/image_event.h"

namespace harbor_bridge {

// The most events that are taken from one body; registries send one.
inline constexpr size_t kMaxEventsPerNotification = 10'000;

struct ParsedNotification {
  std::vector<ImageEvent> events;
  // Why entries were left out: what is no image (a blob's own event), or can't be read.
  std::vector<std::string> skipped;
};

// Reads a body of POST /registry/notifications: the envelope of distribution 2.x and 3.x with
// lower-case keys, or with capitalised ones as Harbor's preheat provider "kraken" sends it. Its
// media type is not believed (preheat always claims a Docker manifest); it only helps to tell that
// an entry is about a blob. INVALID_ARGUMENT: not JSON, or without a list of events.
absl::StatusOr<ParsedNotification> ParseRegistryNotification(absl::string_view body);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_
