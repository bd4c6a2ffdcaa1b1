#include "kraken/agent/look_ahead.h"

#include <utility>

#include "absl/time/time.h"
#include "kraken/registry/manifest.h"

namespace kraken::agent {
namespace {

// Docker's limit of layers; artifacts of thousands of files are fetched as they are asked for.
constexpr size_t kMaxBlobs = 128;
// A manifest that is asked for again and again starts its blobs so often only.
constexpr absl::Duration kPause = absl::Minutes(1);
constexpr size_t kMaxRemembered = 1000;

}  // namespace

LookAhead::LookAhead(net::EventLoop* control, Downloads* downloads, LookAheadConfig config)
    : control_(control), downloads_(downloads), config_(std::move(config)) {}

void LookAhead::OnServed(const Namespace& ns,
                         const std::shared_ptr<const ServedManifest>& manifest) {
  if (!config_.enabled || !IsNews(manifest->digest)) return;
  control_->Post([this, ns, manifest] {
    for (const Digest& digest : Wanted(*manifest)) {
      downloads_->WantAhead(ns, digest);
    }
  });
}

bool LookAhead::IsNews(const Digest& digest) {
  const MonotonicTime now = SystemClock::Get().MonotonicNow();
  absl::MutexLock lock(&mutex_);
  const auto it = started_.find(digest);
  if (it != started_.end() && now - it->second < kPause) return false;
  if (started_.size() >= kMaxRemembered) started_.clear();
  started_[digest] = now;
  return true;
}

std::vector<Digest> LookAhead::Wanted(const ServedManifest& manifest) const {
  std::vector<Digest> wanted;
  if (manifest.manifests.empty()) {
    wanted = manifest.references;
  } else {
    for (const registry::Descriptor& child :
         registry::SelectPlatforms(manifest.manifests, config_.platforms)) {
      wanted.push_back(child.digest);
    }
  }
  if (wanted.size() > kMaxBlobs) wanted.resize(kMaxBlobs);
  return wanted;
}

}  // namespace kraken::agent
