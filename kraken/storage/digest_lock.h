#ifndef KRAKEN_STORAGE_DIGEST_LOCK_H_
#define KRAKEN_STORAGE_DIGEST_LOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"

namespace kraken::storage {

// A lock per digest: held by who changes names on disk that belong to it. Thread-safe. A thread
// that holds one must not wait for another (it may try).
class DigestLocks {
 public:
  void Lock(const Digest& digest) {
    absl::MutexLock lock(&mu_);
    auto is_free = [this, &digest]()
                       ABSL_SHARED_LOCKS_REQUIRED(mu_) { return !held_.contains(digest); };
    mu_.Await(absl::Condition(&is_free));
    held_.insert(digest);
  }
  bool TryLock(const Digest& digest) {
    absl::MutexLock lock(&mu_);
    return held_.insert(digest).second;
  }
  void Unlock(const Digest& digest) {
    absl::MutexLock lock(&mu_);
    held_.erase(digest);
  }

 private:
  absl::Mutex mu_;
  absl::flat_hash_set<Digest> held_ ABSL_GUARDED_BY(mu_);
};

// Holds the lock of a digest within a scope.
class DigestLock {
 public:
  DigestLock(DigestLocks& locks, const Digest& digest) : locks_(locks), digest_(digest) {
    locks_.Lock(digest_);
  }
  ~DigestLock() { locks_.Unlock(digest_); }
  DigestLock(const DigestLock&) = delete;
  DigestLock& operator=(const DigestLock&) = delete;

 private:
  DigestLocks& locks_;
  const Digest digest_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_DIGEST_LOCK_H_
