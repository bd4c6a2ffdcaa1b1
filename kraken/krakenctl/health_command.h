#ifndef KRAKEN_KRAKENCTL_HEALTH_COMMAND_H_
#define KRAKEN_KRAKENCTL_HEALTH_COMMAND_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// krakenctl health HOST:PORT: whether a process of ours lives, whether it is ready, and if not why.
int RunHealthCommand(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_HEALTH_COMMAND_H_
