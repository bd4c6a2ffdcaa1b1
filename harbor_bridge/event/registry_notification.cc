#include "harbor_bridge/event/registry_notification.h"

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/event/event_json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

// The media type of every blob in events of every version of distribution.
constexpr absl::string_view kBlobMediaType = "application/octet-stream";

absl::StatusOr<ImageEvent::Kind> ParseAction(const std::string& action) {
  if (action == "push") return ImageEvent::Kind::kPush;
  if (action == "pull") return ImageEvent::Kind::kPull;
  if (action == "delete") return ImageEvent::Kind::kDelete;
  if (action == "mount") return ImageEvent::Kind::kMount;
  return absl::InvalidArgumentError(absl::StrCat("unknown action \"", Excerpt(action), "\""));
}

// Nothing: a layer or configuration was pushed, and its manifest's event follows.
absl::StatusOr<std::optional<ImageEvent>> ParseEvent(const nlohmann::json& event) {
  const nlohmann::json* target = kraken::FindJsonIgnoreCase(event, "target");
  if (target == nullptr || !target->is_object()) {
    return absl::InvalidArgumentError("an event without target");
  }
  KH_ASSIGN_OR_RETURN(const ImageEvent::Kind kind, ParseAction(TextAt(event, "action")));
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                      kraken::RepositoryName::Parse(TextAt(*target, "repository")));
  EventImage image;
  if (const std::string tag = TextAt(*target, "tag"); !tag.empty()) {
    KH_ASSIGN_OR_RETURN(image.tag, kraken::Tag::Parse(tag));
  }
  if (const std::string digest = TextAt(*target, "digest"); !digest.empty()) {
    KH_ASSIGN_OR_RETURN(image.digest, kraken::Digest::Parse(digest));
  }
  if (!image.tag.has_value() && TextAt(*target, "mediaType") == kBlobMediaType) {
    return std::optional<ImageEvent>();
  }
  ImageEvent result{.kind = kind, .repository = std::move(repository), .images = {}};
  if (image.tag.has_value() || image.digest.has_value()) result.images.push_back(std::move(image));
  return std::optional<ImageEvent>(std::move(result));
}

}  // namespace

absl::StatusOr<ParsedEvents> ParseRegistryNotification(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, kraken::ParseJson(body, kMaxEventDepth));
  const nlohmann::json* events = kraken::FindJsonIgnoreCase(document, "events");
  if (events == nullptr || !events->is_array()) {
    return absl::InvalidArgumentError("a notification without a list \"events\"");
  }
  if (events->size() > kMaxEventsPerBody) {
    return absl::InvalidArgumentError(
        absl::StrCat("a notification of ", events->size(), " events"));
  }
  ParsedEvents parsed;
  for (const nlohmann::json& entry : *events) {
    absl::StatusOr<std::optional<ImageEvent>> event = ParseEvent(entry);
    if (!event.ok()) {
      parsed.unreadable.emplace_back(event.status().message());
      continue;
    }
    if (const nlohmann::json* source = kraken::FindJsonIgnoreCase(entry, "source")) {
      parsed.instance = TextAt(*source, "instanceID");
    }
    if (event->has_value()) {
      parsed.events.push_back(**std::move(event));
    } else {
      ++parsed.ignored;
    }
  }
  return parsed;
}

}  // namespace harbor_bridge
