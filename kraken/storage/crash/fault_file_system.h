#ifndef KRAKEN_STORAGE_CRASH_FAULT_FILE_SYSTEM_H_
#define KRAKEN_STORAGE_CRASH_FAULT_FILE_SYSTEM_H_

#include <functional>
#include <string>
#include <string_view>

#include "kraken/storage/file_system.h"

namespace kraken::storage {

// For tests: asks `before` before every operation; an error takes the operation's place. The hook
// may also end the process. Tells `after` of every operation that was carried out; its error is
// what the caller sees, though the operation was done. Thread-safe if the hooks are.
class FaultFileSystem final : public FileSystem {
 public:
  using Hook = std::function<absl::Status(std::string_view operation, const std::string& path)>;

  explicit FaultFileSystem(Hook before, Hook after = nullptr, FileSystem& base = PosixFileSystem())
      : before_(std::move(before)), after_(std::move(after)), base_(base) {}

  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) override;
  absl::Status MakeDirectory(const std::string& path, bool* created) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status Unlink(const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::Status Sync(int fd, const std::string& path) override;
  absl::Status SyncDirectory(const std::string& path) override;
  absl::Status Allocate(int fd, uint64_t size, const std::string& path, bool* reserved) override;
  absl::Status Truncate(int fd, uint64_t size, const std::string& path) override;
  absl::Status WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                             const std::string& path) override;
  absl::StatusOr<struct stat> Stat(const std::string& path) override;
  absl::Status List(const std::string& path,
                    const std::function<bool(std::string_view name)>& entry) override;
  absl::StatusOr<Space> SpaceOf(const std::string& path) override;

 private:
  // The result of an operation that was carried out.
  template <typename Result>
  Result After(std::string_view operation, const std::string& path, Result result) {
    if (after_ == nullptr) return result;
    absl::Status status = after_(operation, path);
    if (status.ok()) return result;
    return status;
  }

  const Hook before_;
  const Hook after_;
  FileSystem& base_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_CRASH_FAULT_FILE_SYSTEM_H_
