#ifndef KRAKEN_STORAGE_CRASH_POWER_LOSS_FILE_SYSTEM_H_
#define KRAKEN_STORAGE_CRASH_POWER_LOSS_FILE_SYSTEM_H_

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "kraken/storage/forwarding_file_system.h"

namespace kraken::storage {

using NodeId = int;  // of a file or directory; 0 is the root

// Bytes that never change, and their hash.
struct FileBytes {
  explicit FileBytes(std::string content)
      : bytes(std::move(content)), hash(std::hash<std::string_view>()(bytes)) {}
  const std::string bytes;
  const size_t hash;
};
using FileContent = std::shared_ptr<const FileBytes>;

// One change of one directory that no fsync of that directory has followed. A rename is two: what
// holds them together is the file system's business, and none of ours to lean on.
struct DirectoryChange {
  NodeId directory = 0;
  std::string name;
  NodeId child = 0;
  bool added = false;  // else removed
};

// What is on the disk for sure, and what is only in the page cache.
struct DiskState {
  struct File {
    FileContent durable;  // at the last fsync
    FileContent current;
  };
  std::map<NodeId, std::map<std::string, NodeId>> directories;  // durable entries
  std::map<NodeId, File> files;
  std::vector<DirectoryChange> changes;  // in the order they were made
};

// For tests: a directory of a real file system, of which it remembers what a loss of power could
// take away. It takes POSIX at its word: the content of a file is durable up to its last fsync, the
// entries of a directory up to the last fsync of that directory, and nothing else is. Bytes
// written to a descriptor directly are seen when the state is asked for or the file is synced.
//
// Nothing is really synced, which makes it fast. Thread-safe.
class PowerLossFileSystem final : public ForwardingFileSystem {
 public:
  // `root` exists and is empty; what is outside is not watched.
  explicit PowerLossFileSystem(std::string root);

  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) override;
  absl::Status MakeDirectory(const std::string& path, bool* created) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Unlink(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::Status Sync(int fd, const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;

  // What follows when the fsync of this file failed: the kernel says so once and takes the pages
  // for clean, so that no later fsync writes what they hold. No effect if `path` is no file.
  void FailSync(const std::string& path);

  DiskState State();

 private:
  struct File {
    UniqueFd fd;  // keeps the inode, so that its number stays this file's
    FileContent durable;
    FileContent current;
    FileContent failed;  // what the pages held when an fsync failed; null: none did
  };

  bool Watches(std::string_view path) const;
  // -1: there is none.
  NodeId Resolve(std::string_view path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  struct Place {
    NodeId directory = -1;
    std::string name;
  };
  Place PlaceOf(std::string_view path) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Change(const Place& place, NodeId child, bool added) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Refresh(File& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void MakeDurable(File& file) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string root_;
  absl::Mutex mu_;
  NodeId next_node_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<NodeId, std::map<std::string, NodeId>> durable_ ABSL_GUARDED_BY(mu_);
  std::map<NodeId, std::map<std::string, NodeId>> current_ ABSL_GUARDED_BY(mu_);
  std::map<NodeId, File> files_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<ino_t, NodeId> by_inode_ ABSL_GUARDED_BY(mu_);
  std::vector<DirectoryChange> changes_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_CRASH_POWER_LOSS_FILE_SYSTEM_H_
