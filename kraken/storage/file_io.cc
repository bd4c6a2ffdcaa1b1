#include "kraken/storage/file_io.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken::storage {

absl::Status WriteFully(int fd, int64_t offset, absl::Span<const uint8_t> bytes,
                        const std::string& name) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd, bytes.data(), bytes.size(), offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return ErrnoToStatus(errno, absl::StrCat("write ", name));
    }
    bytes.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return absl::OkStatus();
}

absl::Status ReadFully(int fd, int64_t offset, absl::Span<uint8_t> out, const std::string& name) {
  while (!out.empty()) {
    const ssize_t length = ::pread(fd, out.data(), out.size(), offset);
    if (length < 0) {
      if (errno == EINTR) continue;
      return ErrnoToStatus(errno, absl::StrCat("read ", name));
    }
    if (length == 0) {
      return absl::OutOfRangeError(absl::StrCat("read ", name, ": the file ends at ", offset));
    }
    out.remove_prefix(static_cast<size_t>(length));
    offset += length;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, int64_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (info.st_size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(path, " has ", info.st_size, " bytes, more than ", max_bytes));
  }
  std::string content(static_cast<size_t>(info.st_size), '\0');
  KH_RETURN_IF_ERROR(
      ReadFully(fd.get(), 0,
                absl::MakeSpan(reinterpret_cast<uint8_t*>(content.data()), content.size()), path));
  return content;
}

}  // namespace kraken::storage
