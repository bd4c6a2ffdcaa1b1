#include "kraken/krakenctl/command.h"

#include "absl/strings/str_cat.h"
#include "kraken/config/exit_codes.h"

namespace kraken::krakenctl {

absl::optional<int> ParseCommandLine(config::FlagSet& flags, absl::string_view command,
                                     Arguments arguments, const Terminal& terminal) {
  const absl::Status status = flags.ParseMixed(arguments);
  if (flags.help_requested()) {
    terminal.out(flags.Help());
    return config::kExitOk;
  }
  if (!status.ok()) return UsageError(command, status.message(), terminal);
  return absl::nullopt;
}

int UsageError(absl::string_view command, absl::string_view message, const Terminal& terminal) {
  terminal.err(absl::StrCat(command, ": ", message, "\nTry ", command, " --help.\n"));
  return config::kExitUsage;
}

int Failure(absl::string_view command, const absl::Status& status, const Terminal& terminal) {
  terminal.err(absl::StrCat(command, ": ", status.message(), "\n"));
  return config::kExitFailure;
}

}  // namespace kraken::krakenctl
