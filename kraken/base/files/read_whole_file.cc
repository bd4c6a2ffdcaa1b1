#include "kraken/base/files/read_whole_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken {
namespace {

constexpr size_t kMinRoomBytes = 4096;

}  // namespace

absl::StatusOr<std::string> ReadWholeFile(const std::string& path, size_t max_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  // One more than there should be, so that one read meets the end.
  std::string content(std::min(static_cast<size_t>(info.st_size), max_bytes) + 1, '\0');
  size_t size = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), content.data() + size, content.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("read ", path));
    size += static_cast<size_t>(n);
    if (size > max_bytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat(path, " has more than ", max_bytes, " bytes"));
    }
    if (n == 0) break;
    // What has no size, and what has grown.
    if (size == content.size()) {
      content.resize(std::min(std::max(2 * size, kMinRoomBytes), max_bytes + 1));
    }
  }
  content.resize(size);
  return content;
}

}  // namespace kraken
