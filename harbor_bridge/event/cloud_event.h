#ifndef HARBOR_BRIDGE_EVENT_CLOUD_EVENT_H_
#define HARBOR_BRIDGE_EVENT_CLOUD_EVENT_H_

#include "absl/status/statusor.h"
#include "harbor_bridge/event/image_event.h"
#include "kraken/base/json.h"

namespace harbor_bridge {

// Whether a webhook has the CloudEvents format, structured mode (Harbor 2.8 and later).
bool IsCloudEvent(const nlohmann::json& document);

// Reads one:
//   {"specversion":"1.0","type":"harbor.artifact.pushed","id":…,"source":…,"data":{…}}
// Types that ask for nothing here are ignored. INVALID_ARGUMENT: there is no type, the version is
// none that is known, or the type's data is wrong.
absl::StatusOr<ParsedEvents> ReadCloudEvent(const nlohmann::json& document);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_CLOUD_EVENT_H_
