#include "harbor_bridge/event/registry_notification.h"

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

using kraken::FindJsonIgnoreCase;
using kraken::JsonString;

constexpr absl::string_view kBlobMediaType = "application/octet-stream";
// Events nest four deep; a manifest's annotations may nest in 3.x.
constexpr int kMaxDepth = 16;

absl::StatusOr<ImageEvent::Action> ParseAction(const std::string& action) {
  if (action == "push") return ImageEvent::Action::kPush;
  if (action == "pull") return ImageEvent::Action::kPull;
  if (action == "delete") return ImageEvent::Action::kDelete;
  if (action == "mount") return ImageEvent::Action::kMount;
  return absl::InvalidArgumentError(absl::StrCat("unknown action \"", action.substr(0, 32), "\""));
}

// A layer or configuration was pushed; its manifest's event follows.
bool IsAboutBlob(const nlohmann::json& target, bool has_tag) {
  const std::string url = JsonString(FindJsonIgnoreCase(target, "url")).value_or("");
  if (absl::StrContains(url, "/manifests/")) return false;
  if (absl::StrContains(url, "/blobs/")) return true;
  return !has_tag && JsonString(FindJsonIgnoreCase(target, "mediaType")) == kBlobMediaType;
}

absl::StatusOr<ImageEvent> ParseEvent(const nlohmann::json& event) {
  const nlohmann::json* target = FindJsonIgnoreCase(event, "target");
  if (target == nullptr || !target->is_object()) {
    return absl::InvalidArgumentError("an event without target");
  }
  KH_ASSIGN_OR_RETURN(const ImageEvent::Action action,
                      ParseAction(JsonString(FindJsonIgnoreCase(event, "action")).value_or("")));
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                      kraken::RepositoryName::Parse(
                          JsonString(FindJsonIgnoreCase(*target, "repository")).value_or("")));
  ImageEvent result{.action = action, .repository = std::move(repository), .tag = {}, .digest = {}};
  const std::string tag = JsonString(FindJsonIgnoreCase(*target, "tag")).value_or("");
  if (!tag.empty()) {
    KH_ASSIGN_OR_RETURN(result.tag, kraken::Tag::Parse(tag));
  }
  const std::string digest = JsonString(FindJsonIgnoreCase(*target, "digest")).value_or("");
  if (!digest.empty()) {
    KH_ASSIGN_OR_RETURN(result.digest, kraken::Digest::Parse(digest));
  }
  if (IsAboutBlob(*target, result.tag.has_value())) {
    return absl::FailedPreconditionError("a blob's event");
  }
  return result;
}

}  // namespace

absl::StatusOr<ParsedNotification> ParseRegistryNotification(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, kraken::ParseJson(body, kMaxDepth));
  const nlohmann::json* events = FindJsonIgnoreCase(document, "events");
  if (events == nullptr || !events->is_array()) {
    return absl::InvalidArgumentError("a notification without a list \"events\"");
  }
  if (events->size() > kMaxEventsPerNotification) {
    return absl::InvalidArgumentError(
        absl::StrCat("a notification of ", events->size(), " events"));
  }
  ParsedNotification parsed;
  for (const nlohmann::json& entry : *events) {
    absl::StatusOr<ImageEvent> event = ParseEvent(entry);
    if (event.ok()) {
      parsed.events.push_back(*std::move(event));
    } else {
      parsed.skipped.emplace_back(event.status().message());
    }
  }
  return parsed;
}

}  // namespace harbor_bridge
