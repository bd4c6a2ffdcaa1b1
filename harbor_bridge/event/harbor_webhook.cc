#include "harbor_bridge/event/harbor_webhook.h"

#include <optional>
#include <string>

#include "harbor_bridge/event/cloud_event.h"
#include "harbor_bridge/event/event_json.h"
#include "harbor_bridge/event/harbor_event_data.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

// Harbor 1.10 called the first three pushImage, pullImage and deleteImage.
constexpr HarborEventType kTypes[] = {
    {"PUSH_ARTIFACT", ImageEvent::Kind::kPush},
    {"PULL_ARTIFACT", ImageEvent::Kind::kPull},
    {"DELETE_ARTIFACT", ImageEvent::Kind::kDelete},
    {"pushImage", ImageEvent::Kind::kPush},
    {"pullImage", ImageEvent::Kind::kPull},
    {"deleteImage", ImageEvent::Kind::kDelete},
    {"SCANNING_COMPLETED", ImageEvent::Kind::kScan},
    {"scanningCompleted", ImageEvent::Kind::kScan},
    {"REPLICATION", ImageEvent::Kind::kReplication},
    {"TAG_RETENTION", ImageEvent::Kind::kRetention},
    {"QUOTA_EXCEED", ImageEvent::Kind::kQuota},
    {"QUOTA_WARNING", ImageEvent::Kind::kQuota},
};

}  // namespace

absl::StatusOr<ParsedEvents> ReadDefaultWebhook(const nlohmann::json& document) {
  const std::string name = TextAt(document, "type");
  if (name.empty()) return absl::InvalidArgumentError("a webhook without type");
  return ReadHarborEvent(kTypes, name, kraken::FindJsonIgnoreCase(document, "event_data"));
}

absl::StatusOr<ParsedEvents> ParseHarborWebhook(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, kraken::ParseJson(body, kMaxEventDepth));
  return IsCloudEvent(document) ? ReadCloudEvent(document) : ReadDefaultWebhook(document);
}

}  // namespace harbor_bridge
