#ifndef HARBOR_BRIDGE_EVENT_HARBOR_EVENT_DATA_H_
#define HARBOR_BRIDGE_EVENT_HARBOR_EVENT_DATA_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "harbor_bridge/event/image_event.h"
#include "kraken/base/json.h"

namespace harbor_bridge {

// What one of the formats calls a kind of event; in whatever case.
struct HarborEventType {
  absl::string_view name;
  ImageEvent::Kind kind;
};

// Reads `data` of an event whose type is `name`, as below. One whose type is not among `types` is
// ignored.
absl::StatusOr<ParsedEvents> ReadHarborEvent(absl::Span<const HarborEventType> types,
                                             absl::string_view name, const nlohmann::json* data);

// Reads what both formats of Harbor's webhooks hold: `event_data` of the default one, `data` of
// CloudEvents. Null: there is none. No URL in it is looked at. INVALID_ARGUMENT names the member
// that is wrong.
absl::StatusOr<ParsedEvents> ReadHarborEventData(ImageEvent::Kind kind, const nlohmann::json* data);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_HARBOR_EVENT_DATA_H_
