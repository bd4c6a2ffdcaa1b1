#include "harbor_bridge/work/image_work.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

using kraken::registry::Platform;

constexpr absl::string_view kLanePrefix = "image/";

void AppendName(std::string* out, const Platform& platform) { out->append(platform.ToString()); }

absl::StatusOr<std::vector<Platform>> ReadPlatforms(const nlohmann::json* list) {
  std::vector<Platform> platforms;
  if (list == nullptr || !list->is_array()) return platforms;
  for (const nlohmann::json& entry : *list) {
    KH_ASSIGN_OR_RETURN(Platform platform,
                        Platform::Parse(kraken::JsonString(&entry).value_or("")));
    platforms.push_back(std::move(platform));
  }
  return platforms;
}

}  // namespace

std::string ImageWork::Key() const {
  std::string key = absl::StrCat(harbor, "/", repository.ToString());
  if (reference.has_value()) {
    absl::StrAppend(&key, reference->is_tag() ? ":" : "@", reference->ToString());
  }
  if (preheat) {
    absl::StrAppend(&key, " (preheat", platforms.empty() ? "" : " ",
                    absl::StrJoin(platforms, " ", AppendName),
                    agents.has_value() ? absl::StrCat(" for ", agents->ToString()) : "", ")");
  }
  return key;
}

std::string ImageWork::Encode() const {
  nlohmann::json json;
  json["harbor"] = harbor;
  json["repository"] = repository.ToString();
  if (reference.has_value()) json["reference"] = reference->ToString();
  json["expected"] = expected;
  if (told.has_value()) json["told"] = told->ToString();
  if (preheat) json["preheat"] = true;
  for (const Platform& platform : platforms) json["platforms"].push_back(platform.ToString());
  if (agents.has_value()) json["agents"] = agents->ToString();
  return kraken::DumpJson(json);
}

absl::StatusOr<ImageWork> ImageWork::Decode(absl::string_view payload) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json json, kraken::ParseJson(payload));
  const auto text = [&json](absl::string_view key) {
    return kraken::JsonString(kraken::FindJson(json, key)).value_or("");
  };
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                      kraken::RepositoryName::Parse(text("repository")));
  const auto is = [&json](absl::string_view key, bool fallback) {
    return kraken::JsonBool(kraken::FindJson(json, key)).value_or(fallback);
  };
  ImageWork work{.harbor = text("harbor"),
                 .repository = std::move(repository),
                 .reference = {},
                 .expected = is("expected", true),
                 .told = {},
                 .preheat = is("preheat", false)};
  if (const std::string reference = text("reference"); !reference.empty()) {
    KH_ASSIGN_OR_RETURN(work.reference, kraken::Reference::Parse(reference));
  }
  if (const std::string told = text("told"); !told.empty()) {
    KH_ASSIGN_OR_RETURN(work.told, kraken::Digest::Parse(told));
  }
  KH_ASSIGN_OR_RETURN(work.platforms, ReadPlatforms(kraken::FindJson(json, "platforms")));
  if (const std::string agents = text("agents"); !agents.empty()) {
    KH_ASSIGN_OR_RETURN(work.agents, AgentSelector::Parse(agents));
  }
  return work;
}

kraken::storage::NewJob ImageWork::ToJob(int priority) const {
  kraken::storage::NewJob job;
  job.key = Key();
  job.kind = LaneOf(harbor);
  job.payload = Encode();
  job.priority = priority;
  return job;
}

std::string LaneOf(absl::string_view harbor) { return absl::StrCat(kLanePrefix, harbor); }

absl::string_view HarborOfLane(absl::string_view kind) {
  return absl::ConsumePrefix(&kind, kLanePrefix) ? kind : "";
}

}  // namespace harbor_bridge
