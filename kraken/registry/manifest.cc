#include "kraken/registry/manifest.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/registry/descriptor.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/platform.h"

namespace kraken::registry {
namespace {

using nlohmann::json;

constexpr int64_t kSchemaVersion = 2;
constexpr size_t kMaxQuotedBytes = 100;

// The member, or null if it is missing or JSON's null (which Go writes for an empty list).
const json* Member(const json& document, absl::string_view key) {
  const json* member = FindJson(document, key);
  return member == nullptr || member->is_null() ? nullptr : member;
}

absl::Status CheckSchemaVersion(const json& document) {
  const std::optional<int64_t> version = JsonInt64(FindJson(document, "schemaVersion"));
  if (version == kSchemaVersion) return absl::OkStatus();
  if (version == 1) return absl::UnimplementedError("manifest is of Docker schema 1");
  return absl::InvalidArgumentError("manifest: schemaVersion is not 2");
}

absl::StatusOr<ManifestKind> KindOf(const json& document) {
  const json* member = Member(document, "mediaType");
  if (member == nullptr) {
    return Member(document, "manifests") != nullptr ? ManifestKind::kOciIndex
                                                    : ManifestKind::kOciManifest;
  }
  const std::optional<std::string> media_type = JsonString(member);
  if (!media_type.has_value()) {
    return absl::InvalidArgumentError("manifest: mediaType is not a string");
  }
  if (const absl::optional<ManifestKind> kind = ManifestKindOf(*media_type)) return *kind;
  const std::string message = absl::StrCat(
      "manifest: mediaType \"", media_type->substr(0, kMaxQuotedBytes), "\" is not supported");
  if (IsDockerSchema1(*media_type)) return absl::UnimplementedError(message);
  return absl::InvalidArgumentError(message);
}

// A document with members of both an index and a manifest would mean one image to one reader and
// another to the next.
absl::Status CheckUnambiguous(const json& document, ManifestKind kind) {
  for (absl::string_view key : {"config", "layers"}) {
    if (IsIndexKind(kind) && Member(document, key) != nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("manifest: an index with ", key));
    }
  }
  if (!IsIndexKind(kind) && Member(document, "manifests") != nullptr) {
    return absl::InvalidArgumentError("manifest: an image manifest with manifests");
  }
  return absl::OkStatus();
}

absl::StatusOr<absl::optional<Descriptor>> DescriptorMember(const json& document,
                                                            absl::string_view key) {
  const json* member = Member(document, key);
  if (member == nullptr) return absl::nullopt;
  absl::StatusOr<Descriptor> descriptor = Descriptor::FromJson(*member);
  if (!descriptor.ok()) return Annotate(descriptor.status(), absl::StrCat("manifest: ", key));
  return absl::optional<Descriptor>(*std::move(descriptor));
}

absl::StatusOr<std::vector<Descriptor>> DescriptorsMember(const json& document,
                                                          absl::string_view key) {
  std::vector<Descriptor> descriptors;
  const json* member = Member(document, key);
  if (member == nullptr) return descriptors;
  if (!member->is_array()) {
    return absl::InvalidArgumentError(absl::StrCat("manifest: ", key, " is not a list"));
  }
  if (member->size() > kMaxDescriptors) {
    return absl::ResourceExhaustedError(
        absl::StrCat("manifest: more than ", kMaxDescriptors, " ", key));
  }
  descriptors.reserve(member->size());
  for (size_t i = 0; i < member->size(); ++i) {
    absl::StatusOr<Descriptor> descriptor = Descriptor::FromJson((*member)[i]);
    if (!descriptor.ok()) {
      return Annotate(descriptor.status(), absl::StrCat("manifest: ", key, "[", i, "]"));
    }
    descriptors.push_back(*std::move(descriptor));
  }
  return descriptors;
}

}  // namespace

absl::StatusOr<Manifest> Manifest::Parse(absl::string_view body) {
  if (body.size() > kMaxManifestBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("manifest: longer than ", kMaxManifestBytes, " bytes"));
  }
  absl::StatusOr<json> document = ParseJson(body);
  if (!document.ok()) return Annotate(document.status(), "manifest");
  if (!document->is_object()) return absl::InvalidArgumentError("manifest: not a JSON object");
  KH_RETURN_IF_ERROR(CheckSchemaVersion(*document));

  Manifest manifest;
  KH_ASSIGN_OR_RETURN(manifest.kind_, KindOf(*document));
  KH_RETURN_IF_ERROR(CheckUnambiguous(*document, manifest.kind_));
  KH_ASSIGN_OR_RETURN(manifest.config_, DescriptorMember(*document, "config"));
  if (!manifest.is_index() && !manifest.config_.has_value()) {
    return absl::InvalidArgumentError("manifest: no config");
  }
  KH_ASSIGN_OR_RETURN(manifest.layers_, DescriptorsMember(*document, "layers"));
  KH_ASSIGN_OR_RETURN(manifest.manifests_, DescriptorsMember(*document, "manifests"));
  KH_ASSIGN_OR_RETURN(manifest.subject_, DescriptorMember(*document, "subject"));
  manifest.artifact_type_ = JsonString(FindJson(*document, "artifactType")).value_or("");
  return manifest;
}

std::vector<Descriptor> Manifest::References() const {
  if (is_index()) return manifests_;
  std::vector<Descriptor> references;
  references.reserve(layers_.size() + 1);
  references.push_back(*config_);
  references.insert(references.end(), layers_.begin(), layers_.end());
  return references;
}

std::vector<Descriptor> SelectPlatforms(absl::Span<const Descriptor> manifests,
                                        absl::Span<const Platform> wanted) {
  std::vector<Descriptor> selected;
  for (const Descriptor& manifest : manifests) {
    const bool select =
        wanted.empty() || !manifest.platform.has_value() ||
        std::any_of(wanted.begin(), wanted.end(), [&manifest](const Platform& platform) {
          return PlatformMatches(platform, *manifest.platform);
        });
    if (select) selected.push_back(manifest);
  }
  return selected;
}

}  // namespace kraken::registry
