#ifndef KRAKEN_KRAKENCTL_MIRROR_COMMAND_H_
#define KRAKEN_KRAKENCTL_MIRROR_COMMAND_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// krakenctl mirror install|remove: makes the container runtimes of this node ask the agent first,
// and takes that back.
int RunMirrorCommand(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_MIRROR_COMMAND_H_
