#include "kraken/agent/manifest_cache.h"

#include <utility>

#include "kraken/base/status_macros.h"
#include "kraken/registry/manifest.h"

namespace kraken::agent {

absl::StatusOr<std::shared_ptr<const ServedManifest>> ServedManifest::Parse(const Digest& digest,
                                                                            std::string body) {
  KH_ASSIGN_OR_RETURN(const registry::Manifest manifest, registry::Manifest::Parse(body));
  auto served = std::make_shared<ServedManifest>();
  served->digest = digest;
  served->media_type = std::string(manifest.media_type());
  for (const registry::Descriptor& part : manifest.References()) {
    served->references.push_back(part.digest);
  }
  served->manifests = manifest.manifests();
  served->body = std::move(body);
  return served;
}

std::shared_ptr<const ServedManifest> ManifestCache::Find(const Digest& digest) {
  absl::MutexLock lock(&mutex_);
  const auto it = index_.find(digest);
  if (it == index_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, it->second);
  return *it->second;
}

void ManifestCache::Put(std::shared_ptr<const ServedManifest> manifest) {
  const size_t size = manifest->body.size();
  if (size > kMaxManifestBytes) return;
  absl::MutexLock lock(&mutex_);
  if (index_.contains(manifest->digest)) return;
  entries_.push_front(std::move(manifest));
  index_.emplace(entries_.front()->digest, entries_.begin());
  bytes_ += size;
  while (bytes_ > max_bytes_) {
    bytes_ -= entries_.back()->body.size();
    index_.erase(entries_.back()->digest);
    entries_.pop_back();
  }
}

}  // namespace kraken::agent
