#ifndef KRAKEN_REGISTRY_MANIFEST_H_
#define KRAKEN_REGISTRY_MANIFEST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/registry/descriptor.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/platform.h"

namespace kraken::registry {

// The longest manifest that is read: what OCI distribution 1.1 asks registries to accept at least.
inline constexpr size_t kMaxManifestBytes = 4 * 1024 * 1024;

// The most descriptors in one manifest. Docker refuses images of more than 127 layers; artifacts
// (models, packages) have thousands.
inline constexpr size_t kMaxDescriptors = 16 * 1024;

// A manifest (Docker schema 2 or OCI) or an index (Docker manifest list or OCI). An immutable
// value.
//
// Its kind is read from its bytes alone: the media type in an event, or in a response's head, is no
// more than a hint, and Harbor's preheat sends a wrong one.
class Manifest {
 public:
  // Without `mediaType` in the document (OCI allows it) a list `manifests` makes an OCI index,
  // everything else an OCI manifest.
  //
  // RESOURCE_EXHAUSTED: longer than kMaxManifestBytes or more than kMaxDescriptors.
  // UNIMPLEMENTED: Docker schema 1, or a digest that is not SHA-256.
  // INVALID_ARGUMENT: everything else, naming the member: not JSON, schemaVersion is not 2, an
  // unknown mediaType, a bad descriptor, or a document that could be read both as an index and as a
  // manifest (CVE-2021-41190).
  static absl::StatusOr<Manifest> Parse(absl::string_view body);

  ManifestKind kind() const { return kind_; }
  // What a Content-Type should say.
  absl::string_view media_type() const { return MediaTypeOf(kind_); }
  bool is_index() const { return IsIndexKind(kind_); }

  // Of a manifest that is no index.
  const absl::optional<Descriptor>& config() const { return config_; }
  // In the order of the document, base layer first. Empty for an index.
  const std::vector<Descriptor>& layers() const { return layers_; }
  // Of an index, in the order of the document.
  const std::vector<Descriptor>& manifests() const { return manifests_; }
  // What a signature or an SBOM is attached to; may be missing in the registry.
  const absl::optional<Descriptor>& subject() const { return subject_; }
  const std::string& artifact_type() const { return artifact_type_; }

  // All that must be fetched for this manifest to be of use, in order: config, then layers; or the
  // manifests of an index. A blob named twice is listed twice. The subject is not among them.
  std::vector<Descriptor> References() const;

 private:
  Manifest() = default;

  ManifestKind kind_ = ManifestKind::kOciManifest;
  absl::optional<Descriptor> config_;
  std::vector<Descriptor> layers_;
  std::vector<Descriptor> manifests_;
  absl::optional<Descriptor> subject_;
  std::string artifact_type_;
};

// Those of an index's manifests that `wanted` asks for. All, if `wanted` is empty. A manifest
// without a platform is always among them (a nested index has none).
std::vector<Descriptor> SelectPlatforms(absl::Span<const Descriptor> manifests,
                                        absl::Span<const Platform> wanted);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_MANIFEST_H_
