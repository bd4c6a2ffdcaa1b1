#ifndef KRAKEN_REGISTRY_REFERRERS_H_
#define KRAKEN_REGISTRY_REFERRERS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"

namespace kraken::registry {

// Lists of what refers to a manifest (OCI distribution specification 1.1, "Listing Referrers"): an
// index whose descriptors have an `artifactType`. Pure.

// Those of the list that have this type; "": all. What else the list says stays. INVALID_ARGUMENT:
// `index` is no index.
absl::StatusOr<std::string> FilterReferrers(absl::string_view index,
                                            absl::string_view artifact_type);

// A list without entries.
std::string NoReferrers();

// The tag under which clients keep the list where a registry has no referrers API ("Referrers Tag
// Schema"): sha256-<hex>.
std::string ReferrersTag(const Digest& subject);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_REFERRERS_H_
