#include "kraken/access/decision_cache.h"

namespace kraken::access {

absl::optional<DecisionCache::Decision> DecisionCache::Find(absl::string_view key) {
  absl::MutexLock lock(&mutex_);
  const auto it = index_.find(key);
  if (it == index_.end()) return absl::nullopt;
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->second;
}

void DecisionCache::Put(absl::string_view key, absl::Status status, MonotonicTime now) {
  absl::MutexLock lock(&mutex_);
  const auto it = index_.find(key);
  if (it != index_.end()) {
    it->second->second = {std::move(status), now};
    entries_.splice(entries_.begin(), entries_, it->second);
    return;
  }
  entries_.emplace_front(std::string(key), Decision{std::move(status), now});
  index_.emplace(entries_.front().first, entries_.begin());
  if (entries_.size() <= max_entries_) return;
  index_.erase(entries_.back().first);
  entries_.pop_back();
}

size_t DecisionCache::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

}  // namespace kraken::access
