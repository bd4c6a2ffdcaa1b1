#include "kraken/storage/file_system.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

constexpr mode_t kFileMode = 0644;
constexpr mode_t kDirectoryMode = 0755;

absl::Status LastError(std::string_view operation, std::string_view path) {
  return ErrnoToStatus(errno, absl::StrCat(operation, " ", path));
}

class PosixFileSystemImpl : public FileSystem {
 public:
  absl::StatusOr<UniqueFd> Open(const std::string& path, int flags) override {
    UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, kFileMode));
    if (!fd.valid()) return LastError("open", path);
    return fd;
  }

  absl::Status MakeDirectory(const std::string& path, bool* created) override {
    *created = ::mkdir(path.c_str(), kDirectoryMode) == 0;
    if (*created) return absl::OkStatus();
    if (errno != EEXIST) return LastError("mkdir", path);
    KH_ASSIGN_OR_RETURN(const struct stat info, Stat(path));
    if (S_ISDIR(info.st_mode)) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a directory"));
  }

  absl::Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    return LastError("rename", absl::StrCat(from, " to ", to));
  }

  absl::Status Unlink(const std::string& path) override {
    return ::unlink(path.c_str()) == 0 ? absl::OkStatus() : LastError("unlink", path);
  }

  absl::Status RemoveDirectory(const std::string& path) override {
    return ::rmdir(path.c_str()) == 0 ? absl::OkStatus() : LastError("rmdir", path);
  }

  absl::Status Sync(int fd, const std::string& path) override {
    return ::fsync(fd) == 0 ? absl::OkStatus() : LastError("fsync", path);
  }

  absl::Status SyncData(int fd, const std::string& path) override {
    return ::fdatasync(fd) == 0 ? absl::OkStatus() : LastError("fdatasync", path);
  }

  absl::Status SyncDirectory(const std::string& path) override {
    KH_ASSIGN_OR_RETURN(const UniqueFd fd, Open(path, O_RDONLY | O_DIRECTORY));
    return Sync(fd.get(), path);
  }

  absl::Status Allocate(int fd, uint64_t size, const std::string& path, bool* reserved) override {
    *reserved = false;
    if (size == 0) return Truncate(fd, 0, path);
    int result;
    do {
      result = ::fallocate(fd, 0, 0, static_cast<off_t>(size));
    } while (result != 0 && errno == EINTR);
    *reserved = result == 0;
    if (!*reserved && errno != EOPNOTSUPP && errno != ENOSYS) return LastError("fallocate", path);
    return Truncate(fd, size, path);
  }

  absl::Status Truncate(int fd, uint64_t size, const std::string& path) override {
    return ::ftruncate(fd, static_cast<off_t>(size)) == 0 ? absl::OkStatus()
                                                          : LastError("ftruncate", path);
  }

  absl::Status WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                             const std::string& path) override {
    return WriteFully(
        fd, static_cast<int64_t>(offset),
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), path);
  }

  absl::StatusOr<struct stat> Stat(const std::string& path) override {
    struct stat info;
    if (::stat(path.c_str(), &info) != 0) return LastError("stat", path);
    return info;
  }

  absl::Status List(const std::string& path,
                    const std::function<bool(std::string_view name)>& entry) override {
    const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
    if (directory == nullptr) return LastError("opendir", path);
    while (true) {
      errno = 0;
      const dirent* next = ::readdir(directory.get());
      if (next == nullptr) {
        return errno == 0 ? absl::OkStatus() : LastError("readdir", path);
      }
      const std::string_view name = next->d_name;
      if (name == "." || name == "..") continue;
      if (!entry(name)) return absl::OkStatus();
    }
  }

  absl::StatusOr<Space> SpaceOf(const std::string& path) override {
    struct statvfs info;
    if (::statvfs(path.c_str(), &info) != 0) return LastError("statvfs", path);
    return Space{.available_bytes = info.f_bavail * info.f_frsize,
                 .total_bytes = info.f_blocks * info.f_frsize};
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static PosixFileSystemImpl* const file_system = new PosixFileSystemImpl;
  return *file_system;
}

}  // namespace kraken::storage
