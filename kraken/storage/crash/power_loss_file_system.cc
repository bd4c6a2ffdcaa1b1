#include "kraken/storage/crash/power_loss_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

constexpr NodeId kRoot = 0;
constexpr size_t kPageBytes = 4096;

ino_t InodeOf(int fd) {
  struct stat info;
  KH_CHECK(::fstat(fd, &info) == 0);
  return info.st_ino;
}

std::string ReadAllOf(int fd) {
  struct stat info;
  KH_CHECK(::fstat(fd, &info) == 0);
  std::string content(static_cast<size_t>(info.st_size), '\0');
  const auto bytes = absl::MakeSpan(reinterpret_cast<uint8_t*>(content.data()), content.size());
  KH_CHECK(ReadFully(fd, 0, bytes, "a watched file").ok());
  return content;
}

std::string_view PageOf(const std::string& content, size_t offset) {
  return std::string_view(content).substr(std::min(offset, content.size()), kPageBytes);
}

}  // namespace

PowerLossFileSystem::PowerLossFileSystem(std::string root) : root_(std::move(root)) {
  durable_[kRoot];
  current_[kRoot];
}

bool PowerLossFileSystem::Watches(std::string_view path) const {
  return path == root_ || absl::StartsWith(path, root_ + "/");
}

NodeId PowerLossFileSystem::Resolve(std::string_view path) const {
  if (!absl::ConsumePrefix(&path, root_)) return -1;
  NodeId node = kRoot;
  for (const std::string_view name : absl::StrSplit(path, '/', absl::SkipEmpty())) {
    const auto directory = current_.find(node);
    if (directory == current_.end()) return -1;
    const auto entry = directory->second.find(std::string(name));
    if (entry == directory->second.end()) return -1;
    node = entry->second;
  }
  return node;
}

PowerLossFileSystem::Place PowerLossFileSystem::PlaceOf(std::string_view path) const {
  const size_t slash = path.rfind('/');
  KH_CHECK(slash != std::string_view::npos);
  return {.directory = Resolve(path.substr(0, slash)), .name = std::string(path.substr(slash + 1))};
}

void PowerLossFileSystem::Change(const Place& place, NodeId child, bool added) {
  KH_CHECK(place.directory >= 0);
  if (added) {
    current_[place.directory][place.name] = child;
  } else {
    current_[place.directory].erase(place.name);
  }
  changes_.push_back(
      {.directory = place.directory, .name = place.name, .child = child, .added = added});
}

absl::StatusOr<UniqueFd> PowerLossFileSystem::Open(const std::string& path, int flags) {
  absl::MutexLock lock(&mu_);
  KH_ASSIGN_OR_RETURN(UniqueFd fd, base_.Open(path, flags));
  if (!Watches(path) || (flags & O_CREAT) == 0) return fd;
  if (const NodeId known = Resolve(path); known >= 0) {
    // New pages, which will be written like any other.
    if ((flags & O_TRUNC) != 0) files_.at(known).failed = nullptr;
    return fd;
  }
  KH_ASSIGN_OR_RETURN(UniqueFd own, base_.Open(path, O_RDONLY));
  const NodeId node = next_node_++;
  by_inode_[InodeOf(own.get())] = node;
  File& file = files_[node];
  file.fd = std::move(own);
  file.durable = file.current = std::make_shared<const FileBytes>("");
  Change(PlaceOf(path), node, /*added=*/true);
  return fd;
}

absl::Status PowerLossFileSystem::MakeDirectory(const std::string& path, bool* created) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(base_.MakeDirectory(path, created));
  if (!*created || !Watches(path)) return absl::OkStatus();
  const NodeId node = next_node_++;
  durable_[node];
  current_[node];
  Change(PlaceOf(path), node, /*added=*/true);
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::Rename(const std::string& from, const std::string& to) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(base_.Rename(from, to));
  const NodeId node = Resolve(from);
  KH_CHECK(node >= 0);
  Change(PlaceOf(from), node, /*added=*/false);
  Change(PlaceOf(to), node, /*added=*/true);
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::Unlink(const std::string& path) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(base_.Unlink(path));
  Change(PlaceOf(path), Resolve(path), /*added=*/false);
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::RemoveDirectory(const std::string& path) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(base_.RemoveDirectory(path));
  Change(PlaceOf(path), Resolve(path), /*added=*/false);
  return absl::OkStatus();
}

void PowerLossFileSystem::Refresh(File& file) {
  std::string content = ReadAllOf(file.fd.get());
  // The same object as long as nothing changes: states are many and large.
  if (content == file.current->bytes) return;
  file.current = content == file.durable->bytes
                     ? file.durable
                     : std::make_shared<const FileBytes>(std::move(content));
}

void PowerLossFileSystem::MakeDurable(File& file) {
  Refresh(file);
  if (file.failed == nullptr) {
    file.durable = file.current;
    return;
  }
  // Pages that look as they did when the fsync failed have not been written since.
  std::string content = file.current->bytes;
  for (size_t offset = 0; offset < content.size(); offset += kPageBytes) {
    const std::string_view now = PageOf(file.current->bytes, offset);
    if (now != PageOf(file.failed->bytes, offset)) continue;
    const std::string_view before = PageOf(file.durable->bytes, offset);
    for (size_t i = 0; i < now.size(); ++i) {
      content[offset + i] = i < before.size() ? before[i] : '\0';
    }
  }
  file.durable = std::make_shared<const FileBytes>(std::move(content));
}

absl::Status PowerLossFileSystem::Sync(int fd, const std::string& path) {
  absl::MutexLock lock(&mu_);
  if (!Watches(path)) return absl::OkStatus();
  const auto node = by_inode_.find(InodeOf(fd));
  KH_CHECK(node != by_inode_.end());
  MakeDurable(files_.at(node->second));
  return absl::OkStatus();
}

absl::Status PowerLossFileSystem::SyncDirectory(const std::string& path) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(base_.Stat(path).status());
  if (!Watches(path)) return absl::OkStatus();
  const NodeId node = Resolve(path);
  KH_CHECK(current_.contains(node));
  durable_[node] = current_[node];
  changes_.erase(
      std::remove_if(changes_.begin(), changes_.end(),
                     [node](const DirectoryChange& change) { return change.directory == node; }),
      changes_.end());
  return absl::OkStatus();
}

void PowerLossFileSystem::FailSync(const std::string& path) {
  absl::MutexLock lock(&mu_);
  if (const auto it = files_.find(Resolve(path)); it != files_.end()) {
    Refresh(it->second);
    it->second.failed = it->second.current;
  }
}

DiskState PowerLossFileSystem::State() {
  absl::MutexLock lock(&mu_);
  DiskState state{.directories = durable_, .files = {}, .changes = changes_};
  for (auto& [node, file] : files_) {
    Refresh(file);
    state.files[node] = {.durable = file.durable, .current = file.current};
  }
  return state;
}

}  // namespace kraken::storage
