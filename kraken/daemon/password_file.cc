#include "kraken/daemon/password_file.h"

#include <fstream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kraken::daemon {
namespace {

constexpr size_t kMaxPasswordFileBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadPasswordFile(const std::string& path) {
  // It may be a pipe, which has no size.
  std::ifstream file(path);
  std::string text(kMaxPasswordFileBytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.eof()) {
    return absl::InvalidArgumentError(absl::StrCat("-password-file: can't read ", path,
                                                   ", or it has more than ", kMaxPasswordFileBytes,
                                                   " bytes"));
  }
  text.resize(static_cast<size_t>(file.gcount()));
  return std::string(absl::StripTrailingAsciiWhitespace(text));
}

}  // namespace kraken::daemon
