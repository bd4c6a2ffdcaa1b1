#include "kraken/registry/media_type.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::registry {
namespace {

constexpr ManifestKind kAllKinds[] = {ManifestKind::kDockerManifest,
                                      ManifestKind::kDockerManifestList, ManifestKind::kOciManifest,
                                      ManifestKind::kOciIndex};

// "a/b ; charset=utf-8" is "a/b".
absl::string_view WithoutParameters(absl::string_view media_type) {
  return absl::StripAsciiWhitespace(media_type.substr(0, media_type.find(';')));
}

}  // namespace

absl::string_view MediaTypeOf(ManifestKind kind) {
  switch (kind) {
    case ManifestKind::kDockerManifest:
      return kDockerManifestType;
    case ManifestKind::kDockerManifestList:
      return kDockerManifestListType;
    case ManifestKind::kOciManifest:
      return kOciManifestType;
    case ManifestKind::kOciIndex:
      return kOciIndexType;
  }
  return "";
}

absl::optional<ManifestKind> ManifestKindOf(absl::string_view media_type) {
  const absl::string_view bare = WithoutParameters(media_type);
  for (ManifestKind kind : kAllKinds) {
    if (absl::EqualsIgnoreCase(bare, MediaTypeOf(kind))) return kind;
  }
  return absl::nullopt;
}

bool IsIndexKind(ManifestKind kind) {
  return kind == ManifestKind::kDockerManifestList || kind == ManifestKind::kOciIndex;
}

bool IsDockerSchema1(absl::string_view media_type) {
  return absl::StartsWithIgnoreCase(WithoutParameters(media_type),
                                    "application/vnd.docker.distribution.manifest.v1+");
}

bool IsNonDistributable(absl::string_view media_type) {
  const absl::string_view bare = WithoutParameters(media_type);
  return absl::StartsWithIgnoreCase(bare, "application/vnd.docker.image.rootfs.foreign.") ||
         absl::StartsWithIgnoreCase(bare, "application/vnd.oci.image.layer.nondistributable.");
}

}  // namespace kraken::registry
