#include "kraken/storage/boot_id.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/hex.h"
#include "kraken/base/status_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken::storage {

absl::StatusOr<BootId> ReadBootId(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  char text[64];
  const ssize_t length = ::read(fd.get(), text, sizeof(text));
  if (length < 0) return ErrnoToStatus(errno, absl::StrCat("read ", path));
  std::string digits;
  for (const char c : std::string_view(text, static_cast<size_t>(length))) {
    if (c != '-' && c != '\n') digits.push_back(c);
  }
  BootId id;
  if (!HexDecode(digits, absl::MakeSpan(id))) {
    return absl::FailedPreconditionError(absl::StrCat(path, " holds no UUID"));
  }
  return id;
}

}  // namespace kraken::storage
