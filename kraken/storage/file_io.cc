#include "kraken/storage/file_io.h"

#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"

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

}  // namespace kraken::storage
