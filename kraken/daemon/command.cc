#include "kraken/daemon/command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "kraken/config/exit_codes.h"

namespace kraken::daemon {
namespace {

constexpr int kDefaultColumns = 80;

int Columns() {
  if (isatty(STDOUT_FILENO) == 0) return 0;
  winsize size = {};
  const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : kDefaultColumns;
}

std::function<void(absl::string_view)> WriteTo(std::FILE* file) {
  return [file](absl::string_view text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
  };
}

}  // namespace

Terminal ProcessTerminal() {
  return {.out = WriteTo(stdout), .err = WriteTo(stderr), .columns = Columns()};
}

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

}  // namespace kraken::daemon
