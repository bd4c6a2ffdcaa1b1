#include <string>
#include <vector>

#include "kraken/daemon/command.h"
#include "kraken/krakenctl/krakenctl.h"

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return kraken::krakenctl::RunKrakenctl(arguments, kraken::daemon::ProcessTerminal());
}
