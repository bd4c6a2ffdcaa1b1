#ifndef KRAKEN_ACCESS_DECISION_CACHE_H_
#define KRAKEN_ACCESS_DECISION_CACHE_H_

#include <cstddef>
#include <list>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/optional.h"
#include "kraken/base/clock.h"

namespace kraken::access {

// What was decided, and when; the least recently used go first. Thread-safe.
class DecisionCache {
 public:
  struct Decision {
    absl::Status status;
    MonotonicTime at;
  };

  // REQUIRES: max_entries > 0.
  explicit DecisionCache(size_t max_entries) : max_entries_(max_entries) {}

  absl::optional<Decision> Find(absl::string_view key) ABSL_LOCKS_EXCLUDED(mutex_);
  void Put(absl::string_view key, absl::Status status, MonotonicTime now)
      ABSL_LOCKS_EXCLUDED(mutex_);
  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Entry = std::pair<std::string, Decision>;

  const size_t max_entries_;
  mutable absl::Mutex mutex_;
  // Most recently used first.
  std::list<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<absl::string_view, std::list<Entry>::iterator> index_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_DECISION_CACHE_H_
