#ifndef KRAKEN_AGENT_SERVED_MANIFEST_H_
#define KRAKEN_AGENT_SERVED_MANIFEST_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/lru_cache.h"
#include "kraken/registry/descriptor.h"

namespace kraken::agent {

// A manifest as it is served. Immutable.
struct ServedManifest {
  Digest digest;
  std::string body;
  std::string media_type;
  // What it names: config and layers, or the manifests of an index.
  std::vector<Digest> references;
  // Of an index, in its order.
  std::vector<registry::Descriptor> manifests;

  // Errors as registry::Manifest::Parse().
  static absl::StatusOr<std::shared_ptr<const ServedManifest>> Parse(const Digest& digest,
                                                                     std::string body);
};

// Manifests that were served lately, at a cost of their bytes, so that the next one costs neither a
// read nor a parse. Who asks makes sure that the store still has the blob.
using ManifestCache = LruCache<Digest, std::shared_ptr<const ServedManifest>>;

// A larger manifest is not kept.
inline constexpr size_t kMaxCachedManifest = 256 * 1024;

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_SERVED_MANIFEST_H_
