#include "harbor_bridge/event/harbor_event_data.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/event/event_json.h"
#include "kraken/base/image_name.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

using kraken::FindJsonIgnoreCase;

absl::StatusOr<kraken::RepositoryName> ReadRepository(const nlohmann::json& data) {
  const nlohmann::json* repository = FindJsonIgnoreCase(data, "repository");
  if (repository == nullptr) return absl::InvalidArgumentError("an event without repository");
  const std::string full_name = TextAt(*repository, "repo_full_name");
  return kraken::RepositoryName::Parse(
      !full_name.empty()
          ? full_name
          : absl::StrCat(TextAt(*repository, "namespace"), "/", TextAt(*repository, "name")));
}

// Of an artifact without a tag Harbor puts the digest into `tag` too.
absl::StatusOr<EventImage> ReadResource(const nlohmann::json& resource) {
  EventImage image;
  if (const std::string digest = TextAt(resource, "digest"); !digest.empty()) {
    KH_ASSIGN_OR_RETURN(image.digest, kraken::Digest::Parse(digest));
  }
  if (const std::string tag = TextAt(resource, "tag"); !tag.empty()) {
    KH_ASSIGN_OR_RETURN(const kraken::Reference reference, kraken::Reference::Parse(tag));
    if (reference.is_tag()) {
      image.tag = *reference.tag();
    } else if (!image.digest.has_value()) {
      image.digest = *reference.digest();
    }
  }
  if (!image.tag.has_value() && !image.digest.has_value()) {
    return absl::InvalidArgumentError("a resource without digest and tag");
  }
  return image;
}

absl::StatusOr<ParsedEvents> ReadArtifactEvent(ImageEvent::Kind kind, const nlohmann::json& data) {
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository, ReadRepository(data));
  const nlohmann::json* resources = FindJsonIgnoreCase(data, "resources");
  const bool is_list = resources != nullptr && resources->is_array();
  if (!is_list || resources->empty()) {
    return absl::InvalidArgumentError("an event without a list \"resources\"");
  }
  if (resources->size() > kMaxEventsPerBody) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event of ", resources->size(), " resources"));
  }
  ParsedEvents parsed;
  ImageEvent event{.kind = kind, .repository = std::move(repository), .images = {}};
  for (const nlohmann::json& resource : *resources) {
    absl::StatusOr<EventImage> image = ReadResource(resource);
    if (image.ok()) {
      event.images.push_back(*std::move(image));
    } else {
      parsed.unreadable.emplace_back(image.status().message());
    }
  }
  if (!event.images.empty()) parsed.events.push_back(std::move(event));
  return parsed;
}

// The name in "app:v1", "app:[v1,v2]" and "app [2 item(s) in total]".
std::string NameIn(const std::string& name_and_tag) {
  return name_and_tag.substr(0, name_and_tag.find_first_of(": ["));
}

// A project's repository by the first artifact of a list that says its name. Nothing if none does.
absl::StatusOr<std::optional<kraken::RepositoryName>> RepositoryOf(
    const std::string& project, const nlohmann::json* artifacts) {
  if (artifacts == nullptr || !artifacts->is_array()) {
    return std::optional<kraken::RepositoryName>();
  }
  for (const nlohmann::json& artifact : *artifacts) {
    const std::string name = NameIn(TextAt(artifact, "name_tag"));
    if (name.empty()) continue;
    KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                        kraken::RepositoryName::Parse(absl::StrCat(project, "/", name)));
    return std::optional<kraken::RepositoryName>(std::move(repository));
  }
  return std::optional<kraken::RepositoryName>();
}

// Tags and digests that came, as Harbor 2.10 and later lists them.
std::vector<EventImage> ReadReferences(const nlohmann::json& artifacts) {
  std::vector<EventImage> images;
  for (const nlohmann::json& artifact : artifacts) {
    const nlohmann::json* references = FindJsonIgnoreCase(artifact, "references");
    if (references == nullptr || !references->is_array()) continue;
    for (const nlohmann::json& text : *references) {
      absl::StatusOr<kraken::Reference> reference =
          kraken::Reference::Parse(kraken::JsonString(&text).value_or(""));
      if (!reference.ok() || images.size() == kMaxEventsPerBody) continue;
      EventImage image;
      if (reference->is_tag()) {
        image.tag = *reference->tag();
      } else {
        image.digest = *reference->digest();
      }
      images.push_back(std::move(image));
    }
  }
  return images;
}

absl::StatusOr<ParsedEvents> ReadReplication(const nlohmann::json& data) {
  const nlohmann::json* replication = FindJsonIgnoreCase(data, "replication");
  if (replication == nullptr || !replication->is_object()) {
    return absl::InvalidArgumentError("an event REPLICATION without \"replication\"");
  }
  const nlohmann::json* destination = FindJsonIgnoreCase(*replication, "dest_resource");
  if (destination == nullptr || !destination->is_object()) {
    return absl::InvalidArgumentError("an event REPLICATION without \"dest_resource\"");
  }
  ParsedEvents parsed;
  const nlohmann::json* came = FindJsonIgnoreCase(*replication, "successful_artifact");
  // The other registry has a name, this Harbor has none: then images went away from here.
  const bool outward = !TextAt(*destination, "registry_name").empty();
  if (outward || came == nullptr || !came->is_array() || came->empty()) {
    parsed.ignored = 1;
    return parsed;
  }
  ImageEvent event{.kind = ImageEvent::Kind::kReplication, .repository = {}, .images = {}};
  KH_ASSIGN_OR_RETURN(event.repository, RepositoryOf(TextAt(*destination, "namespace"), came));
  if (event.repository.has_value()) event.images = ReadReferences(*came);
  parsed.events.push_back(std::move(event));
  return parsed;
}

// One event is about one repository, and names the last artifact that went, whatever their number.
absl::StatusOr<ParsedEvents> ReadRetention(const nlohmann::json& data) {
  const nlohmann::json* retention = FindJsonIgnoreCase(data, "retention");
  if (retention == nullptr || !retention->is_object()) {
    return absl::InvalidArgumentError("an event TAG_RETENTION without \"retention\"");
  }
  ImageEvent event{.kind = ImageEvent::Kind::kRetention, .repository = {}, .images = {}};
  KH_ASSIGN_OR_RETURN(event.repository,
                      RepositoryOf(TextAt(*retention, "project_name"),
                                   FindJsonIgnoreCase(*retention, "deleted_artifact")));
  ParsedEvents parsed;
  parsed.events.push_back(std::move(event));
  return parsed;
}

absl::StatusOr<ParsedEvents> ReadQuota(const nlohmann::json& data) {
  ImageEvent event{.kind = ImageEvent::Kind::kQuota, .repository = {}, .images = {}};
  KH_ASSIGN_OR_RETURN(event.repository, ReadRepository(data));
  ParsedEvents parsed;
  parsed.events.push_back(std::move(event));
  return parsed;
}

}  // namespace

absl::StatusOr<ParsedEvents> ReadHarborEvent(absl::Span<const HarborEventType> types,
                                             absl::string_view name, const nlohmann::json* data) {
  for (const HarborEventType& type : types) {
    if (absl::EqualsIgnoreCase(type.name, name)) return ReadHarborEventData(type.kind, data);
  }
  ParsedEvents parsed;
  parsed.ignored = 1;
  return parsed;
}

absl::StatusOr<ParsedEvents> ReadHarborEventData(ImageEvent::Kind kind,
                                                 const nlohmann::json* data) {
  if (data == nullptr || !data->is_object()) {
    return absl::InvalidArgumentError("an event of Harbor's without data");
  }
  switch (kind) {
    case ImageEvent::Kind::kReplication:
      return ReadReplication(*data);
    case ImageEvent::Kind::kRetention:
      return ReadRetention(*data);
    case ImageEvent::Kind::kQuota:
      return ReadQuota(*data);
    default:
      return ReadArtifactEvent(kind, *data);
  }
}

}  // namespace harbor_bridge
