#ifndef KRAKEN_REGISTRY_DESCRIPTOR_H_
#define KRAKEN_REGISTRY_DESCRIPTOR_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/registry/platform.h"

namespace kraken::registry {

// What a manifest says of a blob or of another manifest (OCI image specification 1.1,
// "descriptor.md"). The media type is the writer's word: what a manifest really is shows only in
// its bytes.
struct Descriptor {
  std::string media_type;  // empty: the writer gave none
  Digest digest;
  ByteCount size;
  absl::optional<Platform> platform;  // of a manifest in an index
  std::vector<std::string> urls;      // where else a layer can be fetched
  std::string artifact_type;          // empty: none

  // INVALID_ARGUMENT: not an object; no or a malformed digest; no, a fractional or a negative size;
  // a member of the wrong type. UNIMPLEMENTED: a digest that is not SHA-256.
  static absl::StatusOr<Descriptor> FromJson(const nlohmann::json& value);

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_DESCRIPTOR_H_
