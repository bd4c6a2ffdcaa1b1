// What the commands of krakenctl have in common with those of other programs, by its short names.
#ifndef KRAKEN_KRAKENCTL_COMMAND_H_
#define KRAKEN_KRAKENCTL_COMMAND_H_

#include "kraken/daemon/command.h"

namespace kraken::krakenctl {

using daemon::Arguments;
using daemon::Failure;
using daemon::ParseCommandLine;
using daemon::RunCommand;
using daemon::Terminal;
using daemon::UsageError;

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_COMMAND_H_
