#ifndef KRAKEN_STORAGE_CRASH_SCRATCH_TREE_H_
#define KRAKEN_STORAGE_CRASH_SCRATCH_TREE_H_

#include <string>

namespace kraken::storage {

// For tests that make and delete trees by the thousand: an empty directory, in memory where the
// machine has a tmpfs, deleted with all that is in it at the end.
class ScratchTree {
 public:
  ScratchTree();
  ~ScratchTree();
  ScratchTree(const ScratchTree&) = delete;
  ScratchTree& operator=(const ScratchTree&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Deletes `directory` and everything below.
void RemoveTree(const std::string& directory);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_CRASH_SCRATCH_TREE_H_
