#ifndef KRAKEN_KRAKENCTL_PREHEAT_COMMAND_H_
#define KRAKEN_KRAKENCTL_PREHEAT_COMMAND_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// krakenctl preheat IMAGE...: has a bridge bring images to the origins, and shows how it goes.
int RunPreheatCommand(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_PREHEAT_COMMAND_H_
