#include "kraken/daemon/password_file.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/files/read_whole_file.h"

namespace kraken::daemon {
namespace {

constexpr size_t kMaxPasswordFileBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadPasswordFile(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxPasswordFileBytes);
  if (!text.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("-password-file: ", text.status().message()));
  }
  return std::string(absl::StripTrailingAsciiWhitespace(*text));
}

}  // namespace kraken::daemon
