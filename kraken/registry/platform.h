#ifndef KRAKEN_REGISTRY_PLATFORM_H_
#define KRAKEN_REGISTRY_PLATFORM_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::registry {

// What an image runs on, in Go's names: "linux", "amd64". See the OCI image specification 1.1,
// image index, "platform".
struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;     // "v7" of arm; empty: none was given
  std::string os_version;  // of Windows; empty: none was given

  // "os/architecture" or "os/architecture/variant". INVALID_ARGUMENT else. Known aliases
  // ("x86_64", "aarch64", "armhf", ...) become Go's names.
  static absl::StatusOr<Platform> Parse(absl::string_view text);

  // As Parse() takes it.
  std::string ToString() const;

  friend bool operator==(const Platform&, const Platform&) = default;
};

// True if an image for `image` is one that `wanted` asks for: same system and architecture, and the
// same variant if `wanted` names one. A missing variant of an arm image is "v7", of an arm64 image
// "v8", of an amd64 image "v1", as containerd has it. os_version does not matter.
bool PlatformMatches(const Platform& wanted, const Platform& image);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_PLATFORM_H_
