#include "kraken/krakenctl/config_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/file_io.h"

namespace kraken::krakenctl {
namespace {

constexpr mode_t kNewFileMode = 0644;
constexpr size_t kContextLines = 2;

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Beside the file, hidden, and without its extension, which some programs look for.
std::string TemporaryName(const std::string& path) {
  const size_t slash = path.rfind('/');
  const size_t name = slash == std::string::npos ? 0 : slash + 1;
  return absl::StrCat(path.substr(0, name), ".", path.substr(name), ".krakenctl");
}

absl::Status MakeFolders(const std::string& folder, storage::FileSystem& files) {
  if (IsFolder(folder)) return absl::OkStatus();
  const std::string parent = FolderOf(folder);
  if (parent != folder) KH_RETURN_IF_ERROR(MakeFolders(parent, files));
  bool created = false;
  KH_RETURN_IF_ERROR(files.MakeDirectory(folder, &created));
  return files.SyncDirectory(parent);
}

// Writes the new content beside the file.
absl::Status WriteTemporary(const FileChange& change, const std::string& temporary,
                            storage::FileSystem& files) {
  absl::Status gone = files.Unlink(temporary);  // of a run that was killed
  if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  KH_ASSIGN_OR_RETURN(const UniqueFd fd,
                      files.Open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  mode_t mode = kNewFileMode;
  if (change.before.has_value()) {
    KH_ASSIGN_OR_RETURN(const struct stat old, files.Stat(change.path));
    if (::fchown(fd.get(), old.st_uid, old.st_gid) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("give ", temporary, " the owner of ", change.path));
    }
    mode = old.st_mode & 07777;
  }
  if (::fchmod(fd.get(), mode) != 0) return ErrnoToStatus(errno, absl::StrCat("chmod ", temporary));
  KH_RETURN_IF_ERROR(files.WriteMetadata(fd.get(), 0, *change.after, temporary));
  return files.Sync(fd.get(), temporary);
}

absl::Status CheckUnchanged(const FileChange& change) {
  KH_ASSIGN_OR_RETURN(const absl::optional<std::string> now, ReadConfigFile(change.path));
  if (now == change.before) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(change.path, " was changed by somebody else meanwhile: run this again"));
}

absl::Status ReplaceFile(const FileChange& change, storage::FileSystem& files) {
  const std::string folder = FolderOf(change.path);
  const std::string temporary = TemporaryName(change.path);
  KH_RETURN_IF_ERROR(MakeFolders(folder, files));
  absl::Status status = WriteTemporary(change, temporary, files);
  if (status.ok()) status = CheckUnchanged(change);
  if (status.ok()) status = files.Rename(temporary, change.path);
  if (!status.ok()) {
    (void)files.Unlink(temporary);  // the first error is the one to tell
    return status;
  }
  return files.SyncDirectory(folder);
}

absl::Status DeleteFile(const FileChange& change, storage::FileSystem& files) {
  const std::string folder = FolderOf(change.path);
  KH_RETURN_IF_ERROR(CheckUnchanged(change));
  KH_RETURN_IF_ERROR(files.Unlink(change.path));
  KH_RETURN_IF_ERROR(files.SyncDirectory(folder));
  // Somebody may have put something else there: then it stays.
  if (!change.remove_folder || !files.RemoveDirectory(folder).ok()) return absl::OkStatus();
  return files.SyncDirectory(FolderOf(folder));
}

std::vector<absl::string_view> Lines(const absl::optional<std::string>& text) {
  if (!text.has_value() || text->empty()) return {};
  return absl::StrSplit(absl::StripSuffix(*text, "\n"), '\n');
}

}  // namespace

absl::StatusOr<absl::optional<std::string>> ReadConfigFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid() && errno == ENOENT) return absl::optional<std::string>();
  if (!fd.valid() && errno == ELOOP) {
    return absl::FailedPreconditionError(
        absl::StrCat(path,
                     " is a symbolic link, which krakenctl leaves as it is: put a file in "
                     "its place, or edit what it points to by hand"));
  }
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a regular file"));
  }
  if (info.st_size > kMaxConfigFileBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " has more than ", kMaxConfigFileBytes, " bytes: not edited"));
  }
  std::string content(static_cast<size_t>(info.st_size), '\0');
  KH_RETURN_IF_ERROR(storage::ReadFully(
      fd.get(), 0, absl::MakeSpan(reinterpret_cast<uint8_t*>(content.data()), content.size()),
      path));
  return absl::make_optional(std::move(content));
}

bool IsFolder(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

absl::Status ApplyFileChange(const FileChange& change, storage::FileSystem& files) {
  if (change.after == change.before) return absl::OkStatus();
  return change.after.has_value() ? ReplaceFile(change, files) : DeleteFile(change, files);
}

std::string DescribeFileChange(const FileChange& change) {
  const std::vector<absl::string_view> before = Lines(change.before);
  const std::vector<absl::string_view> after = Lines(change.after);
  const size_t shorter = std::min(before.size(), after.size());
  size_t same_begin = 0;
  while (same_begin < shorter && before[same_begin] == after[same_begin]) ++same_begin;
  size_t same_end = 0;
  while (same_end < shorter - same_begin &&
         before[before.size() - 1 - same_end] == after[after.size() - 1 - same_end]) {
    ++same_end;
  }
  std::string text =
      absl::StrCat("--- ", change.before.has_value() ? change.path : "/dev/null", "\n+++ ",
                   change.after.has_value() ? change.path : "/dev/null", "\n");
  const auto add = [&text](char sign, absl::string_view line) {
    absl::StrAppend(&text, std::string(1, sign), line, "\n");
  };
  absl::StrAppend(&text, "@@ line ", same_begin + 1, " @@\n");
  for (size_t i = same_begin - std::min(same_begin, kContextLines); i < same_begin; ++i) {
    add(' ', before[i]);
  }
  for (size_t i = same_begin; i < before.size() - same_end; ++i) add('-', before[i]);
  for (size_t i = same_begin; i < after.size() - same_end; ++i) add('+', after[i]);
  for (size_t i = 0; i < std::min(same_end, kContextLines); ++i) {
    add(' ', before[before.size() - same_end + i]);
  }
  return text;
}

}  // namespace kraken::krakenctl
