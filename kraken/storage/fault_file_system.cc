#include "kraken/storage/fault_file_system.h"

#include "kraken/base/status_macros.h"

namespace kraken::storage {

absl::StatusOr<UniqueFd> FaultFileSystem::Open(const std::string& path, int flags) {
  KH_RETURN_IF_ERROR(hook_("open", path));
  return real_.Open(path, flags);
}

absl::Status FaultFileSystem::MakeDirectory(const std::string& path, bool* created) {
  KH_RETURN_IF_ERROR(hook_("mkdir", path));
  return real_.MakeDirectory(path, created);
}

absl::Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  KH_RETURN_IF_ERROR(hook_("rename", to));
  return real_.Rename(from, to);
}

absl::Status FaultFileSystem::Unlink(const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("unlink", path));
  return real_.Unlink(path);
}

absl::Status FaultFileSystem::RemoveDirectory(const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("rmdir", path));
  return real_.RemoveDirectory(path);
}

absl::Status FaultFileSystem::Sync(int fd, const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("sync", path));
  return real_.Sync(fd, path);
}

absl::Status FaultFileSystem::SyncDirectory(const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("syncdir", path));
  return real_.SyncDirectory(path);
}

absl::Status FaultFileSystem::Allocate(int fd, uint64_t size, const std::string& path,
                                       bool* reserved) {
  KH_RETURN_IF_ERROR(hook_("allocate", path));
  return real_.Allocate(fd, size, path, reserved);
}

absl::Status FaultFileSystem::Truncate(int fd, uint64_t size, const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("truncate", path));
  return real_.Truncate(fd, size, path);
}

absl::Status FaultFileSystem::WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                                            const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("write", path));
  return real_.WriteMetadata(fd, offset, bytes, path);
}

absl::StatusOr<struct stat> FaultFileSystem::Stat(const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("stat", path));
  return real_.Stat(path);
}

absl::Status FaultFileSystem::List(const std::string& path,
                                   const std::function<bool(std::string_view name)>& entry) {
  KH_RETURN_IF_ERROR(hook_("list", path));
  return real_.List(path, entry);
}

absl::StatusOr<FileSystem::Space> FaultFileSystem::SpaceOf(const std::string& path) {
  KH_RETURN_IF_ERROR(hook_("space", path));
  return real_.SpaceOf(path);
}

}  // namespace kraken::storage
