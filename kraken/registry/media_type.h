#ifndef KRAKEN_REGISTRY_MEDIA_TYPE_H_
#define KRAKEN_REGISTRY_MEDIA_TYPE_H_

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::registry {

// The four manifest types that registries keep today. Docker's are specified in
// distribution/docs/spec/manifest-v2-2.md, OCI's in the OCI image specification 1.1.
inline constexpr char kDockerManifestType[] =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerManifestListType[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kOciManifestType[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciIndexType[] = "application/vnd.oci.image.index.v1+json";

// What an `Accept` field must say on every request for a manifest: registry 2.8 answers 404 for an
// OCI manifest unless its very type is named, by digest too, and `*/*` does not help.
inline constexpr char kManifestAccept[] =
    "application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.oci.image.index.v1+json";

enum class ManifestKind { kDockerManifest, kDockerManifestList, kOciManifest, kOciIndex };

// The media type of a kind.
absl::string_view MediaTypeOf(ManifestKind kind);

// The kind that a media type names; parameters after ';' and letter case do not matter. Nothing if
// it is none of the four.
absl::optional<ManifestKind> ManifestKindOf(absl::string_view media_type);

// True for the two kinds that list manifests rather than layers.
bool IsIndexKind(ManifestKind kind);

// True for Docker's manifest schema 1, which nothing here can read.
bool IsDockerSchema1(absl::string_view media_type);

// True for layers that must not be stored by registries ("foreign" and "nondistributable" ones):
// they are fetched from the descriptor's `urls` and no registry need have them.
bool IsNonDistributable(absl::string_view media_type);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_MEDIA_TYPE_H_
