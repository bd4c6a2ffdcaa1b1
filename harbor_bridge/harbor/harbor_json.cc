#include "harbor_bridge/harbor/harbor_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge::api {
namespace {

using kraken::FindJson;
using nlohmann::json;

std::string Text(const json& object, absl::string_view key) {
  return kraken::JsonString(FindJson(object, key)).value_or("");
}

int64_t Number(const json& object, absl::string_view key, int64_t fallback = 0) {
  return kraken::JsonInt64(FindJson(object, key)).value_or(fallback);
}

bool Flag(const json& object, absl::string_view key, bool fallback = false) {
  return kraken::JsonBool(FindJson(object, key)).value_or(fallback);
}

absl::Time Time(const json& object, absl::string_view key) {
  absl::Time time;
  if (!absl::ParseTime(absl::RFC3339_full, Text(object, key), &time, nullptr)) {
    return absl::InfinitePast();
  }
  return time;
}

// The entries of a list; none if it is missing or null.
std::vector<const json*> Entries(const json* list, size_t limit = kMaxListEntries) {
  std::vector<const json*> entries;
  if (list == nullptr || !list->is_array()) return entries;
  for (const json& entry : *list) {
    if (entries.size() == limit) break;
    entries.push_back(&entry);
  }
  return entries;
}

std::vector<std::string> Texts(const json& object, absl::string_view key) {
  std::vector<std::string> texts;
  for (const json* entry : Entries(FindJson(object, key))) {
    if (auto text = kraken::JsonString(entry)) texts.push_back(*std::move(text));
  }
  return texts;
}

absl::StatusOr<json> ParseObject(absl::string_view body, absl::string_view what) {
  KH_ASSIGN_OR_RETURN(json document, kraken::ParseJson(body));
  if (!document.is_object()) return absl::InvalidArgumentError(absl::StrCat(what, " is no object"));
  return document;
}

// A document that is a list, each entry read by `read`: nothing leaves it out.
template <typename T, typename Read>
absl::StatusOr<ParsedList<T>> ParseList(absl::string_view body, absl::string_view what, Read read) {
  KH_ASSIGN_OR_RETURN(const json document, kraken::ParseJson(body));
  ParsedList<T> list;
  // An empty page is null in some versions.
  if (document.is_null()) return list;
  if (!document.is_array()) return absl::InvalidArgumentError(absl::StrCat(what, " are no list"));
  for (const json* entry : Entries(&document)) {
    std::optional<T> item = read(*entry);
    if (item.has_value()) {
      list.items.push_back(*std::move(item));
    } else {
      ++list.skipped;
    }
  }
  list.skipped += document.size() - std::min(document.size(), kMaxListEntries);
  return list;
}

std::optional<Project> ReadProject(const json& entry) {
  Project project;
  project.id = Number(entry, "project_id");
  project.name = Text(entry, "name");
  if (project.name.empty()) return std::nullopt;
  project.is_proxy_cache = Number(entry, "registry_id") > 0;
  if (const json* metadata = FindJson(entry, "metadata")) {
    // Harbor's metadata are texts.
    project.is_public = Text(*metadata, "public") == "true" || Flag(*metadata, "public");
  }
  return project;
}

std::optional<ArtifactTag> ReadTag(const json& entry) {
  absl::StatusOr<kraken::Tag> tag = kraken::Tag::Parse(Text(entry, "name"));
  if (!tag.ok()) return std::nullopt;
  return ArtifactTag{.name = *std::move(tag), .push_time = Time(entry, "push_time")};
}

std::optional<Artifact> ReadArtifact(const json& entry, const kraken::RepositoryName* repository) {
  absl::StatusOr<kraken::Digest> digest = kraken::Digest::Parse(Text(entry, "digest"));
  if (!digest.ok()) return std::nullopt;
  absl::StatusOr<kraken::RepositoryName> name =
      repository != nullptr ? absl::StatusOr<kraken::RepositoryName>(*repository)
                            : kraken::RepositoryName::Parse(Text(entry, "repository_name"));
  if (!name.ok()) return std::nullopt;
  Artifact artifact = {.repository = *std::move(name), .digest = *digest};
  artifact.type = Text(entry, "type");
  artifact.manifest_media_type = Text(entry, "manifest_media_type");
  artifact.size_bytes = Number(entry, "size");
  artifact.push_time = Time(entry, "push_time");
  for (const json* tag : Entries(FindJson(entry, "tags"), kMaxTagsPerArtifact)) {
    if (auto read = ReadTag(*tag)) artifact.tags.push_back(*std::move(read));
  }
  for (const json* reference : Entries(FindJson(entry, "references"))) {
    absl::StatusOr<kraken::Digest> child = kraken::Digest::Parse(Text(*reference, "child_digest"));
    if (child.ok()) artifact.children.push_back(*child);
  }
  return artifact;
}

WebhookTarget ReadTarget(const json& entry) {
  return {.type = Text(entry, "type"),
          .address = Text(entry, "address"),
          .auth_header = Text(entry, "auth_header"),
          .skip_cert_verify = Flag(entry, "skip_cert_verify"),
          .payload_format = Text(entry, "payload_format")};
}

std::optional<WebhookPolicy> ReadWebhookPolicy(const json& entry) {
  WebhookPolicy policy;
  policy.id = Number(entry, "id");
  policy.name = Text(entry, "name");
  if (policy.name.empty()) return std::nullopt;
  policy.description = Text(entry, "description");
  policy.enabled = Flag(entry, "enabled");
  policy.event_types = Texts(entry, "event_types");
  for (const json* target : Entries(FindJson(entry, "targets"))) {
    policy.targets.push_back(ReadTarget(*target));
  }
  return policy;
}

RobotScope ReadScope(const json& entry) {
  RobotScope scope = {.kind = Text(entry, "kind"), .name = Text(entry, "namespace")};
  for (const json* access : Entries(FindJson(entry, "access"))) {
    scope.access.push_back(
        {.resource = Text(*access, "resource"), .action = Text(*access, "action")});
  }
  return scope;
}

std::optional<Robot> ReadRobot(const json& entry) {
  Robot robot;
  robot.id = Number(entry, "id");
  robot.name = Text(entry, "name");
  if (robot.name.empty()) return std::nullopt;
  robot.description = Text(entry, "description");
  robot.disabled = Flag(entry, "disable");
  robot.expires_at = Number(entry, "expires_at", -1);
  for (const json* scope : Entries(FindJson(entry, "permissions"))) {
    robot.scopes.push_back(ReadScope(*scope));
  }
  return robot;
}

std::optional<PreheatInstance> ReadInstance(const json& entry) {
  PreheatInstance instance;
  instance.id = Number(entry, "id");
  instance.name = Text(entry, "name");
  if (instance.name.empty()) return std::nullopt;
  instance.description = Text(entry, "description");
  instance.vendor = Text(entry, "vendor");
  instance.endpoint = Text(entry, "endpoint");
  instance.auth_mode = Text(entry, "auth_mode");
  instance.status = Text(entry, "status");
  instance.enabled = Flag(entry, "enabled");
  instance.is_default = Flag(entry, "default");
  instance.insecure = Flag(entry, "insecure");
  return instance;
}

// The value of the filter of that type, from a JSON text.
std::string FilterValue(const json& filters, absl::string_view type) {
  for (const json* filter : Entries(&filters)) {
    if (Text(*filter, "type") == type) return Text(*filter, "value");
  }
  return "";
}

std::optional<PreheatPolicy> ReadPreheatPolicy(const json& entry) {
  PreheatPolicy policy;
  policy.id = Number(entry, "id");
  policy.name = Text(entry, "name");
  if (policy.name.empty()) return std::nullopt;
  policy.description = Text(entry, "description");
  policy.project_id = Number(entry, "project_id");
  policy.provider_id = Number(entry, "provider_id");
  policy.enabled = Flag(entry, "enabled");
  const absl::StatusOr<json> filters = kraken::ParseJson(Text(entry, "filters"));
  policy.repositories = filters.ok() ? FilterValue(*filters, "repository") : "";
  policy.tags = filters.ok() ? FilterValue(*filters, "tag") : "";
  const absl::StatusOr<json> trigger = kraken::ParseJson(Text(entry, "trigger"));
  policy.trigger = trigger.ok() ? Text(*trigger, "type") : "";
  return policy;
}

json ScopeJson(const RobotScope& scope) {
  json access = json::array();
  for (const RobotPermission& permission : scope.access) {
    access.push_back({{"resource", permission.resource}, {"action", permission.action}});
  }
  return {{"kind", scope.kind}, {"namespace", scope.name}, {"access", std::move(access)}};
}

}  // namespace

absl::StatusOr<SystemInfo> ParseSystemInfo(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "Harbor's systeminfo"));
  SystemInfo info;
  info.version = Text(document, "harbor_version");
  info.external_url = Text(document, "external_url");
  info.registry_url = Text(document, "registry_url");
  info.read_only = Flag(document, "read_only");
  info.notification_enabled = kraken::JsonBool(FindJson(document, "notification_enable"));
  return info;
}

absl::StatusOr<std::vector<ComponentHealth>> ParseHealth(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "Harbor's health"));
  std::vector<ComponentHealth> components;
  for (const json* entry : Entries(FindJson(document, "components"))) {
    components.push_back({.name = Text(*entry, "name"),
                          .status = Text(*entry, "status"),
                          .error = Text(*entry, "error")});
  }
  return components;
}

absl::StatusOr<ParsedList<Project>> ParseProjects(absl::string_view body) {
  return ParseList<Project>(body, "projects", ReadProject);
}

absl::StatusOr<ParsedList<RepositoryEntry>> ParseRepositories(absl::string_view body) {
  return ParseList<RepositoryEntry>(
      body, "repositories", [](const json& entry) -> std::optional<RepositoryEntry> {
        absl::StatusOr<kraken::RepositoryName> name =
            kraken::RepositoryName::Parse(Text(entry, "name"));
        if (!name.ok()) return std::nullopt;
        return RepositoryEntry{.name = *std::move(name),
                               .artifact_count = Number(entry, "artifact_count")};
      });
}

absl::StatusOr<ParsedList<Artifact>> ParseArtifacts(absl::string_view body,
                                                    const kraken::RepositoryName* repository) {
  return ParseList<Artifact>(body, "artifacts", [repository](const json& entry) {
    return ReadArtifact(entry, repository);
  });
}

absl::StatusOr<Artifact> ParseArtifact(absl::string_view body,
                                       const kraken::RepositoryName& repository) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "the artifact"));
  std::optional<Artifact> artifact = ReadArtifact(document, &repository);
  if (!artifact.has_value()) {
    return absl::InvalidArgumentError("an artifact without a SHA-256 digest");
  }
  return *std::move(artifact);
}

absl::StatusOr<ParsedList<ArtifactTag>> ParseTags(absl::string_view body) {
  return ParseList<ArtifactTag>(body, "tags", ReadTag);
}

absl::StatusOr<WebhookAbilities> ParseWebhookAbilities(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "the list of webhook events"));
  WebhookAbilities abilities;
  abilities.event_types = Texts(document, "event_type");
  abilities.notify_types = Texts(document, "notify_type");
  for (const json* entry : Entries(FindJson(document, "payload_formats"))) {
    if (Text(*entry, "notify_type") == "http") abilities.payload_formats = Texts(*entry, "formats");
  }
  return abilities;
}

absl::StatusOr<ParsedList<WebhookPolicy>> ParseWebhookPolicies(absl::string_view body) {
  return ParseList<WebhookPolicy>(body, "webhook policies", ReadWebhookPolicy);
}

absl::StatusOr<ParsedList<Execution>> ParseExecutions(absl::string_view body) {
  return ParseList<Execution>(body, "executions",
                              [](const json& entry) -> std::optional<Execution> {
                                return Execution{.id = Number(entry, "id"),
                                                 .status = Text(entry, "status"),
                                                 .started = Time(entry, "start_time")};
                              });
}

absl::StatusOr<ParsedList<Robot>> ParseRobots(absl::string_view body) {
  return ParseList<Robot>(body, "robots", ReadRobot);
}

absl::StatusOr<CreatedRobot> ParseCreatedRobot(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "the robot account"));
  CreatedRobot robot = {.id = Number(document, "id"),
                        .name = Text(document, "name"),
                        .secret = Text(document, "secret")};
  if (robot.name.empty() || robot.secret.empty()) {
    return absl::InvalidArgumentError("a robot account without name or secret");
  }
  return robot;
}

absl::StatusOr<ParsedList<PreheatInstance>> ParsePreheatInstances(absl::string_view body) {
  return ParseList<PreheatInstance>(body, "preheat instances", ReadInstance);
}

absl::StatusOr<PreheatInstance> ParsePreheatInstance(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const json document, ParseObject(body, "the preheat instance"));
  std::optional<PreheatInstance> instance = ReadInstance(document);
  if (!instance.has_value()) return absl::InvalidArgumentError("a preheat instance without a name");
  return *std::move(instance);
}

absl::StatusOr<ParsedList<PreheatPolicy>> ParsePreheatPolicies(absl::string_view body) {
  return ParseList<PreheatPolicy>(body, "preheat policies", ReadPreheatPolicy);
}

absl::StatusOr<ParsedList<Permission>> ParsePermissions(absl::string_view body) {
  return ParseList<Permission>(
      body, "permissions", [](const json& entry) -> std::optional<Permission> {
        return Permission{.resource = Text(entry, "resource"), .action = Text(entry, "action")};
      });
}

std::string ToJson(const WebhookPolicy& policy) {
  json targets = json::array();
  for (const WebhookTarget& target : policy.targets) {
    json entry = {{"type", target.type},
                  {"address", target.address},
                  {"auth_header", target.auth_header},
                  {"skip_cert_verify", target.skip_cert_verify}};
    if (!target.payload_format.empty()) entry["payload_format"] = target.payload_format;
    targets.push_back(std::move(entry));
  }
  json document = {{"name", policy.name},
                   {"description", policy.description},
                   {"enabled", policy.enabled},
                   {"event_types", policy.event_types},
                   {"targets", std::move(targets)}};
  if (policy.id != 0) document["id"] = policy.id;
  return kraken::DumpJson(document);
}

std::string ToJson(const NewRobot& robot) {
  json permissions = json::array();
  for (const RobotScope& scope : robot.scopes) permissions.push_back(ScopeJson(scope));
  return kraken::DumpJson({{"name", robot.name},
                           {"description", robot.description},
                           {"level", "system"},
                           {"duration", -1},
                           {"disable", false},
                           {"permissions", std::move(permissions)}});
}

std::string ToJson(const PreheatInstance& instance) {
  json document = {{"name", instance.name},           {"description", instance.description},
                   {"vendor", instance.vendor},       {"endpoint", instance.endpoint},
                   {"auth_mode", instance.auth_mode}, {"enabled", instance.enabled},
                   {"default", instance.is_default},  {"insecure", instance.insecure}};
  if (instance.id != 0) document["id"] = instance.id;
  if (instance.auth_mode != "NONE") {
    document["auth_info"] = json::object({{instance.auth_key, instance.auth_value}});
  }
  return kraken::DumpJson(document);
}

std::string ToJson(const PreheatPolicy& policy) {
  const json filters = json::array({{{"type", "repository"}, {"value", policy.repositories}},
                                    {{"type", "tag"}, {"value", policy.tags}}});
  const json trigger = {{"type", policy.trigger}, {"trigger_setting", {{"cron", ""}}}};
  json document = {{"name", policy.name},
                   {"description", policy.description},
                   {"project_id", policy.project_id},
                   {"provider_id", policy.provider_id},
                   {"enabled", policy.enabled},
                   {"filters", kraken::DumpJson(filters)},
                   {"trigger", kraken::DumpJson(trigger)}};
  if (policy.id != 0) document["id"] = policy.id;
  return kraken::DumpJson(document);
}

}  // namespace harbor_bridge::api
