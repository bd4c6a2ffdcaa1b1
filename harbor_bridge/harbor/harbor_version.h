#ifndef HARBOR_BRIDGE_HARBOR_HARBOR_VERSION_H_
#define HARBOR_BRIDGE_HARBOR_HARBOR_VERSION_H_

#include <compare>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace harbor_bridge::api {

// A version of Harbor, and what changed with which.
struct HarborVersion {
  int major = 0;
  int minor = 0;

  // "v2.15.2-6e1d6a35" or "2.15". Nothing: Harbor does not say ("-" of a build without a stamp).
  static std::optional<HarborVersion> Parse(absl::string_view text);

  std::string ToString() const;

  // Webhooks as CloudEvents, and the list of what was delivered.
  bool has_cloud_events() const { return *this >= HarborVersion{2, 8}; }
  // Robot accounts may own webhook policies.
  bool robots_own_webhooks() const { return *this >= HarborVersion{2, 10}; }
  // GET /projects/{p}/artifacts: a whole project in one list.
  bool has_project_artifacts() const { return *this >= HarborVersion{2, 12}; }
  // The dragonfly driver speaks of jobs that can be asked after.
  bool has_preheat_jobs() const { return *this >= HarborVersion{2, 12}; }
  // Before, it loses the credentials of a preheat instance (goharbor/harbor#21353).
  bool keeps_preheat_credentials() const { return *this >= HarborVersion{2, 13}; }
  // Manifests reach the registry by digest only: it has no tags.
  bool hides_tags_from_registry() const { return *this >= HarborVersion{2, 15}; }

  friend auto operator<=>(const HarborVersion&, const HarborVersion&) = default;
};

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_HARBOR_VERSION_H_
