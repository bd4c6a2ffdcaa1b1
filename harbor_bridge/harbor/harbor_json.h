// The JSON of Harbor's API v2.0, both ways. Pure.
//
// Readers take what Harbor 2.0 to 2.15 sends: unknown members are passed over, and a list's entry
// that can't be used (a digest of another algorithm, a name that is none) is left out and counted,
// so that one strange artifact hides no other. INVALID_ARGUMENT: the document is something else.
#ifndef HARBOR_BRIDGE_HARBOR_HARBOR_JSON_H_
#define HARBOR_BRIDGE_HARBOR_HARBOR_JSON_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/harbor/api_types.h"
#include "kraken/base/repository_name.h"

namespace harbor_bridge::api {

// More than Harbor puts into one page or one artifact; what is beyond is left out.
inline constexpr size_t kMaxListEntries = 1000;
inline constexpr size_t kMaxTagsPerArtifact = 20'000;

template <typename T>
struct ParsedList {
  std::vector<T> items;
  // Entries that were left out.
  size_t skipped = 0;
};

absl::StatusOr<SystemInfo> ParseSystemInfo(absl::string_view body);
absl::StatusOr<std::vector<ComponentHealth>> ParseHealth(absl::string_view body);
absl::StatusOr<ParsedList<Project>> ParseProjects(absl::string_view body);
absl::StatusOr<ParsedList<RepositoryEntry>> ParseRepositories(absl::string_view body);
// Harbor before 2.12 does not say which repository an artifact is in: `repository` does, unless
// null.
absl::StatusOr<ParsedList<Artifact>> ParseArtifacts(absl::string_view body,
                                                    const kraken::RepositoryName* repository);
absl::StatusOr<Artifact> ParseArtifact(absl::string_view body,
                                       const kraken::RepositoryName& repository);
absl::StatusOr<ParsedList<ArtifactTag>> ParseTags(absl::string_view body);
absl::StatusOr<WebhookAbilities> ParseWebhookAbilities(absl::string_view body);
absl::StatusOr<ParsedList<WebhookPolicy>> ParseWebhookPolicies(absl::string_view body);
absl::StatusOr<ParsedList<Execution>> ParseExecutions(absl::string_view body);
absl::StatusOr<ParsedList<Robot>> ParseRobots(absl::string_view body);
absl::StatusOr<CreatedRobot> ParseCreatedRobot(absl::string_view body);
absl::StatusOr<ParsedList<PreheatInstance>> ParsePreheatInstances(absl::string_view body);
absl::StatusOr<PreheatInstance> ParsePreheatInstance(absl::string_view body);
absl::StatusOr<ParsedList<PreheatPolicy>> ParsePreheatPolicies(absl::string_view body);
absl::StatusOr<ParsedList<Permission>> ParsePermissions(absl::string_view body);

std::string ToJson(const WebhookPolicy& policy);
std::string ToJson(const NewRobot& robot);
std::string ToJson(const PreheatInstance& instance);
// Filters and trigger are JSON texts inside it, as Harbor has them.
std::string ToJson(const PreheatPolicy& policy);

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_HARBOR_JSON_H_
