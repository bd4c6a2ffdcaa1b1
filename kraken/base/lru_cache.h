#ifndef KRAKEN_BASE_LRU_CACHE_H_
#define KRAKEN_BASE_LRU_CACHE_H_

#include <cstddef>
#include <iterator>
#include <list>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"

namespace kraken {

// Values by key, those that were used most recently, as long as what they cost together is at most
// a maximum. Both are copied out and compared by value: a large one is held by pointer.
// Thread-safe.
template <typename Key, typename Value>
class LruCache {
 public:
  // In whatever unit Put() counts: entries, bytes.
  explicit LruCache(size_t max_cost) : max_cost_(max_cost) {}

  // The value, which counts as used now.
  absl::optional<Value> Find(const Key& key) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    const auto it = index_.find(key);
    if (it == index_.end()) return absl::nullopt;
    entries_.splice(entries_.begin(), entries_, it->second);
    return it->second->value;
  }

  // Adds or replaces. What costs more than the maximum is not kept.
  void Put(const Key& key, Value value, size_t cost = 1) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    const auto it = index_.find(key);
    if (it != index_.end()) Remove(it->second);
    entries_.push_front({key, std::move(value), cost});
    index_[key] = entries_.begin();
    cost_ += cost;
    while (cost_ > max_cost_) Remove(std::prev(entries_.end()));
  }

  // Of all that is kept.
  size_t cost() const ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return cost_;
  }

 private:
  struct Entry {
    Key key;
    Value value;
    size_t cost;
  };
  using Entries = std::list<Entry>;

  void Remove(typename Entries::iterator entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    cost_ -= entry->cost;
    index_.erase(entry->key);
    entries_.erase(entry);
  }

  const size_t max_cost_;
  mutable absl::Mutex mutex_;
  size_t cost_ ABSL_GUARDED_BY(mutex_) = 0;
  // Most recently used first.
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<Key, typename Entries::iterator> index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_LRU_CACHE_H_
