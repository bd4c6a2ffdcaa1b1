#ifndef KRAKEN_STORAGE_COMMIT_TARGET_H_
#define KRAKEN_STORAGE_COMMIT_TARGET_H_

#include <string>

#include "absl/status/status.h"

namespace kraken::storage {

// Something whose changes become durable in groups: all of a group, or none. Used by one thread.
class CommitTarget {
 public:
  virtual ~CommitTarget() = default;

  virtual absl::Status Begin() = 0;
  // The first error since Begin() after which the group can't be committed; OK if there was none.
  virtual absl::Status TakeFailure() = 0;
  // Returns once the group is durable. An error: none of it happened, after Rollback().
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;

  // For messages.
  virtual const std::string& path() const = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_COMMIT_TARGET_H_
