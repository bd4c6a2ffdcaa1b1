#ifndef HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_
#define HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/event/image_event.h"

namespace harbor_bridge {

// Reads a body of POST /registry/notifications: the envelope of distribution 2.x and 3.x with
// lower-case keys, or with capitalised ones as Harbor's preheat provider "kraken" sends it. What
// kind of manifest it claims is not believed (preheat always says Docker's); that it is a blob is.
// Its URL is not looked at. INVALID_ARGUMENT: not JSON, or without a list of events.
absl::StatusOr<ParsedEvents> ParseRegistryNotification(absl::string_view body);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_REGISTRY_NOTIFICATION_H_
