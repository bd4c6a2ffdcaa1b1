// What commands that people type have in common.
#ifndef KRAKEN_DAEMON_COMMAND_H_
#define KRAKEN_DAEMON_COMMAND_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/config/flags.h"

namespace kraken::daemon {

// Where a command writes.
struct Terminal {
  std::function<void(absl::string_view text)> out;
  std::function<void(absl::string_view text)> err;
  int columns = 0;  // of `out`; 0: it is no terminal
};

// The process's stdout and stderr.
Terminal ProcessTerminal();

// `arguments` without the command's own name. The result is the exit code.
using Arguments = absl::Span<const std::string>;
using RunCommand = int (*)(Arguments arguments, const Terminal& terminal);

// Flags and arguments in any order. An exit code if that ends the command: --help was asked for, or
// there is a mistake; both are answered.
absl::optional<int> ParseCommandLine(config::FlagSet& flags, absl::string_view command,
                                     Arguments arguments, const Terminal& terminal);

// A mistake in the command line, told. Returns kExitUsage.
int UsageError(absl::string_view command, absl::string_view message, const Terminal& terminal);

// An error, told. Returns kExitFailure.
int Failure(absl::string_view command, const absl::Status& status, const Terminal& terminal);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_COMMAND_H_
