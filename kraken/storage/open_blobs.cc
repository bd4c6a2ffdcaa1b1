#include "kraken/storage/open_blobs.h"

#include <utility>

#include "kraken/base/check.h"

namespace kraken::storage {

std::shared_ptr<const Blob> OpenBlobs::Find(const Digest& digest) {
  auto it = entries_.find(digest);
  if (it == entries_.end()) return nullptr;
  Entry& entry = it->second;
  std::shared_ptr<const Blob> blob = entry.blob.lock();
  if (blob == nullptr) {
    entries_.erase(it);
    return nullptr;
  }
  if (entry.recent != recent_.end()) {
    recent_.splice(recent_.begin(), recent_, entry.recent);
  } else if (max_idle_ > 0) {
    if (recent_.size() == max_idle_) DropOldest();
    recent_.push_front(blob);
    entries_.find(digest)->second.recent = recent_.begin();
  }
  return blob;
}

void OpenBlobs::DropOldest() {
  auto it = entries_.find(recent_.back()->digest());
  KH_CHECK(it != entries_.end());
  it->second.recent = recent_.end();
  const std::shared_ptr<const Blob> oldest = std::move(recent_.back());
  recent_.pop_back();
  if (oldest.use_count() == 1) entries_.erase(it);
}

bool OpenBlobs::MakeRoom(size_t others) {
  if (entries_.size() + others < max_open_) return true;
  for (auto it = entries_.begin(); it != entries_.end();) {
    auto next = std::next(it);
    if (it->second.blob.expired()) entries_.erase(it);
    it = next;
  }
  while (entries_.size() + others >= max_open_ && !recent_.empty()) DropOldest();
  return entries_.size() + others < max_open_;
}

void OpenBlobs::Insert(std::shared_ptr<const Blob> blob) {
  Entry entry{.blob = blob, .recent = recent_.end()};
  const Digest digest = blob->digest();
  if (max_idle_ > 0) {
    if (recent_.size() == max_idle_) DropOldest();
    recent_.push_front(std::move(blob));
    entry.recent = recent_.begin();
  }
  const bool inserted = entries_.insert_or_assign(digest, std::move(entry)).second;
  KH_CHECK(inserted);
}

bool OpenBlobs::IsPinned(const Digest& digest) const {
  auto it = entries_.find(digest);
  if (it == entries_.end()) return false;
  const long own = it->second.recent != recent_.end() ? 1 : 0;
  return it->second.blob.use_count() > own;
}

void OpenBlobs::Forget(const Digest& digest) {
  auto it = entries_.find(digest);
  if (it == entries_.end()) return;
  if (it->second.recent != recent_.end()) recent_.erase(it->second.recent);
  entries_.erase(it);
}

}  // namespace kraken::storage
