#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/registry/descriptor.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/platform.h"

// Whatever a registry sends as a manifest is refused or has the shape that readers rely on.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::registry::Descriptor;
  using kraken::registry::Manifest;
  const absl::StatusOr<Manifest> manifest =
      Manifest::Parse(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!manifest.ok()) {
    KH_CHECK(!manifest.status().message().empty());
    return 0;
  }
  if (manifest->is_index()) {
    KH_CHECK(!manifest->config().has_value() && manifest->layers().empty());
  } else {
    KH_CHECK(manifest->config().has_value() && manifest->manifests().empty());
  }
  for (const Descriptor& descriptor : manifest->References()) {
    KH_CHECK(descriptor.size.value() >= 0);
    KH_CHECK(kraken::Digest::Parse(descriptor.digest.ToString()).ok());
  }
  const kraken::registry::Platform wanted{.os = "linux", .architecture = "amd64"};
  KH_CHECK(SelectPlatforms(manifest->manifests(), {wanted}).size() <= manifest->manifests().size());
  return 0;
}
