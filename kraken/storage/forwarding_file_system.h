#ifndef KRAKEN_STORAGE_FORWARDING_FILE_SYSTEM_H_
#define KRAKEN_STORAGE_FORWARDING_FILE_SYSTEM_H_

#include <functional>
#include <string>
#include <string_view>

#include "kraken/storage/file_system.h"

namespace kraken::storage {

// Hands every operation on to another file system, which must outlive it.
class ForwardingFileSystem : public FileSystem {
 public:
  explicit ForwardingFileSystem(FileSystem& base = PosixFileSystem()) : base_(base) {}

  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) override {
    return base_.Open(path, flags);
  }
  absl::Status MakeDirectory(const std::string& path, bool* created) override {
    return base_.MakeDirectory(path, created);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return base_.Rename(from, to);
  }
  absl::Status Unlink(const std::string& path) override { return base_.Unlink(path); }
  absl::Status RemoveDirectory(const std::string& path) override {
    return base_.RemoveDirectory(path);
  }
  absl::Status Sync(int fd, const std::string& path) override { return base_.Sync(fd, path); }
  absl::Status SyncDirectory(const std::string& path) override { return base_.SyncDirectory(path); }
  absl::Status Allocate(int fd, uint64_t size, const std::string& path, bool* reserved) override {
    return base_.Allocate(fd, size, path, reserved);
  }
  absl::Status Truncate(int fd, uint64_t size, const std::string& path) override {
    return base_.Truncate(fd, size, path);
  }
  absl::Status WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                             const std::string& path) override {
    return base_.WriteMetadata(fd, offset, bytes, path);
  }
  absl::StatusOr<struct stat> Stat(const std::string& path) override { return base_.Stat(path); }
  absl::Status List(const std::string& path,
                    const std::function<bool(std::string_view name)>& entry) override {
    return base_.List(path, entry);
  }
  absl::StatusOr<Space> SpaceOf(const std::string& path) override { return base_.SpaceOf(path); }

 protected:
  FileSystem& base_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_FORWARDING_FILE_SYSTEM_H_
