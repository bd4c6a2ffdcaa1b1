// Start-up errors that carry the exit code which tells them apart.
#ifndef KRAKEN_DAEMON_START_ERROR_H_
#define KRAKEN_DAEMON_START_ERROR_H_

#include "absl/status/status.h"
#include "kraken/config/exit_codes.h"

namespace kraken::daemon {

// The same error, with its exit code attached. OK stays OK.
absl::Status WithExitCode(absl::Status status, config::ExitCode code);

// kExitFailure for an error without one.
config::ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_START_ERROR_H_
