// What translators of events share: how a field is read, and how one is quoted.
#ifndef HARBOR_BRIDGE_EVENT_EVENT_JSON_H_
#define HARBOR_BRIDGE_EVENT_EVENT_JSON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/json.h"

namespace harbor_bridge {

// The text at `key`, in whatever case; empty if there is none, or it is no text.
std::string TextAt(const nlohmann::json& object, absl::string_view key);

// The beginning of what somebody sent, fit for a message: short, and without control characters.
std::string Excerpt(absl::string_view text);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_EVENT_JSON_H_
