#include "kraken/registry/referrers.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace kraken::registry {

absl::StatusOr<std::string> FilterReferrers(absl::string_view index,
                                            absl::string_view artifact_type) {
  KH_ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(index));
  const nlohmann::json* found = FindJson(document, "manifests");
  if (found == nullptr || !found->is_array()) {
    return absl::InvalidArgumentError("a list of referrers without `manifests`");
  }
  if (artifact_type.empty()) return std::string(index);
  nlohmann::json kept = nlohmann::json::array();
  for (const nlohmann::json& entry : *found) {
    if (JsonString(FindJson(entry, "artifactType")) == artifact_type) kept.push_back(entry);
  }
  document["manifests"] = std::move(kept);
  return DumpJson(document);
}

std::string NoReferrers() {
  return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
}

std::string ReferrersTag(const Digest& subject) { return absl::StrCat("sha256-", subject.hex()); }

}  // namespace kraken::registry
