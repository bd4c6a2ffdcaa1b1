#ifndef KRAKEN_STORAGE_FILE_SYSTEM_H_
#define KRAKEN_STORAGE_FILE_SYSTEM_H_

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/unique_fd.h"

namespace kraken::storage {

// The operations on names and durability that the store does, as a seam for the crash harness.
// Bodies of files are read and written directly (pread, pwrite): the data path has no seam.
// Thread-safe. Errors are those of errno, annotated with operation and path: NOT_FOUND for ENOENT,
// RESOURCE_EXHAUSTED for ENOSPC and EDQUOT, and so on.
class FileSystem {
 public:
  virtual ~FileSystem() = default;

  virtual absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) = 0;
  // OK when the directory exists already; `*created` tells.
  virtual absl::Status MakeDirectory(const std::string& path, bool* created) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Unlink(const std::string& path) = 0;
  virtual absl::Status RemoveDirectory(const std::string& path) = 0;
  virtual absl::Status Sync(int fd, const std::string& path) = 0;
  // The bytes of a file whose size and place on the disk have not changed since its last Sync().
  virtual absl::Status SyncData(int fd, const std::string& path) { return Sync(fd, path); }
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Gives `fd` `size` bytes, with space reserved where the file system can (`*reserved`).
  virtual absl::Status Allocate(int fd, uint64_t size, const std::string& path, bool* reserved) = 0;
  virtual absl::Status Truncate(int fd, uint64_t size, const std::string& path) = 0;

  // Small metadata writes (`pieces`, `map`): all of `bytes` at `offset`.
  virtual absl::Status WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                                     const std::string& path) = 0;

  virtual absl::StatusOr<struct stat> Stat(const std::string& path) = 0;
  // Calls `entry` for each name but "." and "..", until it returns false.
  virtual absl::Status List(const std::string& path,
                            const std::function<bool(std::string_view name)>& entry) = 0;
  // Bytes that an unprivileged process may still allocate on the volume, and the volume's size.
  struct Space {
    uint64_t available_bytes = 0;
    uint64_t total_bytes = 0;
  };
  virtual absl::StatusOr<Space> SpaceOf(const std::string& path) = 0;
};

// The real one; never destroyed.
FileSystem& PosixFileSystem();

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_FILE_SYSTEM_H_
