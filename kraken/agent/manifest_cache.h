#ifndef KRAKEN_AGENT_MANIFEST_CACHE_H_
#define KRAKEN_AGENT_MANIFEST_CACHE_H_

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
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

// Manifests that were served lately, so that the next one costs neither a read nor a parse. Who
// asks it makes sure that the store still has the blob. Thread-safe.
class ManifestCache {
 public:
  // A larger manifest is not kept.
  static constexpr size_t kMaxManifestBytes = 256 * 1024;

  // Keeps at most `max_bytes` of bodies, the most recently used.
  explicit ManifestCache(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Null: not here.
  std::shared_ptr<const ServedManifest> Find(const Digest& digest) ABSL_LOCKS_EXCLUDED(mutex_);
  void Put(std::shared_ptr<const ServedManifest> manifest) ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Entries = std::list<std::shared_ptr<const ServedManifest>>;

  const size_t max_bytes_;
  absl::Mutex mutex_;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Most recently used first.
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Digest, Entries::iterator> index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_MANIFEST_CACHE_H_
