#include "harbor_bridge/event/cloud_event.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/event/event_json.h"
#include "harbor_bridge/event/harbor_event_data.h"

namespace harbor_bridge {
namespace {

constexpr HarborEventType kTypes[] = {
    {"harbor.artifact.pushed", ImageEvent::Kind::kPush},
    {"harbor.artifact.pulled", ImageEvent::Kind::kPull},
    {"harbor.artifact.deleted", ImageEvent::Kind::kDelete},
    {"harbor.scan.completed", ImageEvent::Kind::kScan},
    {"harbor.replication.status.changed", ImageEvent::Kind::kReplication},
    {"harbor.tag_retention.finished", ImageEvent::Kind::kRetention},
    {"harbor.quota.exceeded", ImageEvent::Kind::kQuota},
    {"harbor.quota.warned", ImageEvent::Kind::kQuota},
};

}  // namespace

bool IsCloudEvent(const nlohmann::json& document) {
  return kraken::FindJsonIgnoreCase(document, "specversion") != nullptr;
}

absl::StatusOr<ParsedEvents> ReadCloudEvent(const nlohmann::json& document) {
  const std::string version = TextAt(document, "specversion");
  if (!absl::StartsWith(version, "1.")) {
    return absl::InvalidArgumentError(
        absl::StrCat("CloudEvents of version \"", Excerpt(version), "\""));
  }
  const std::string name = TextAt(document, "type");
  if (name.empty()) return absl::InvalidArgumentError("a CloudEvent without type");
  return ReadHarborEvent(kTypes, name, kraken::FindJsonIgnoreCase(document, "data"));
}

}  // namespace harbor_bridge
