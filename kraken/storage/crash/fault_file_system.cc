#include "kraken/storage/crash/fault_file_system.h"

#include "kraken/base/status_macros.h"

namespace kraken::storage {

absl::StatusOr<UniqueFd> FaultFileSystem::Open(const std::string& path, int flags) {
  KH_RETURN_IF_ERROR(before_("open", path));
  return After("open", path, base_.Open(path, flags));
}

absl::Status FaultFileSystem::MakeDirectory(const std::string& path, bool* created) {
  KH_RETURN_IF_ERROR(before_("mkdir", path));
  return After("mkdir", path, base_.MakeDirectory(path, created));
}

absl::Status FaultFileSystem::Rename(const std::string& from, const std::string& to) {
  KH_RETURN_IF_ERROR(before_("rename", to));
  return After("rename", to, base_.Rename(from, to));
}

absl::Status FaultFileSystem::Unlink(const std::string& path) {
  KH_RETURN_IF_ERROR(before_("unlink", path));
  return After("unlink", path, base_.Unlink(path));
}

absl::Status FaultFileSystem::RemoveDirectory(const std::string& path) {
  KH_RETURN_IF_ERROR(before_("rmdir", path));
  return After("rmdir", path, base_.RemoveDirectory(path));
}

absl::Status FaultFileSystem::Sync(int fd, const std::string& path) {
  KH_RETURN_IF_ERROR(before_("sync", path));
  return After("sync", path, base_.Sync(fd, path));
}

absl::Status FaultFileSystem::SyncDirectory(const std::string& path) {
  KH_RETURN_IF_ERROR(before_("syncdir", path));
  return After("syncdir", path, base_.SyncDirectory(path));
}

absl::Status FaultFileSystem::Allocate(int fd, uint64_t size, const std::string& path,
                                       bool* reserved) {
  KH_RETURN_IF_ERROR(before_("allocate", path));
  return After("allocate", path, base_.Allocate(fd, size, path, reserved));
}

absl::Status FaultFileSystem::Truncate(int fd, uint64_t size, const std::string& path) {
  KH_RETURN_IF_ERROR(before_("truncate", path));
  return After("truncate", path, base_.Truncate(fd, size, path));
}

absl::Status FaultFileSystem::WriteMetadata(int fd, uint64_t offset, std::string_view bytes,
                                            const std::string& path) {
  KH_RETURN_IF_ERROR(before_("write", path));
  return After("write", path, base_.WriteMetadata(fd, offset, bytes, path));
}

absl::StatusOr<struct stat> FaultFileSystem::Stat(const std::string& path) {
  KH_RETURN_IF_ERROR(before_("stat", path));
  return After("stat", path, base_.Stat(path));
}

absl::Status FaultFileSystem::List(const std::string& path,
                                   const std::function<bool(std::string_view name)>& entry) {
  KH_RETURN_IF_ERROR(before_("list", path));
  return After("list", path, base_.List(path, entry));
}

absl::StatusOr<FileSystem::Space> FaultFileSystem::SpaceOf(const std::string& path) {
  KH_RETURN_IF_ERROR(before_("space", path));
  return After("space", path, base_.SpaceOf(path));
}

}  // namespace kraken::storage
