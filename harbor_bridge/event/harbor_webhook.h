#ifndef HARBOR_BRIDGE_EVENT_HARBOR_WEBHOOK_H_
#define HARBOR_BRIDGE_EVENT_HARBOR_WEBHOOK_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/event/image_event.h"
#include "kraken/base/json.h"

namespace harbor_bridge {

// Reads a webhook of Harbor's in its default format, as versions 1.10 to 2.15 send it:
//   {"type":"PUSH_ARTIFACT","occur_at":…,"operator":…,"event_data":{…}}
// Types that ask for nothing here (charts, scans that failed, those of later versions) are ignored.
// INVALID_ARGUMENT: there is no type, or the type's data is wrong.
absl::StatusOr<ParsedEvents> ReadDefaultWebhook(const nlohmann::json& document);

// Reads a body of POST /webhook, whichever of Harbor's two formats it has. INVALID_ARGUMENT as
// ReadDefaultWebhook() and ReadCloudEvent(), and for what is no JSON.
absl::StatusOr<ParsedEvents> ParseHarborWebhook(absl::string_view body);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_HARBOR_WEBHOOK_H_
