#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kraken/krakenctl/command.h"
#include "kraken/krakenctl/krakenctl.h"

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

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return kraken::krakenctl::RunKrakenctl(
      arguments, {.out = WriteTo(stdout), .err = WriteTo(stderr), .columns = Columns()});
}
