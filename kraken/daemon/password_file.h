#ifndef KRAKEN_DAEMON_PASSWORD_FILE_H_
#define KRAKEN_DAEMON_PASSWORD_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace kraken::daemon {

// What a command's -password-file names: a password, with white space after it or not.
// INVALID_ARGUMENT: it can't be read.
absl::StatusOr<std::string> ReadPasswordFile(const std::string& path);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_PASSWORD_FILE_H_
