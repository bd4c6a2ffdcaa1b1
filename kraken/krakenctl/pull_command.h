#ifndef KRAKEN_KRAKENCTL_PULL_COMMAND_H_
#define KRAKEN_KRAKENCTL_PULL_COMMAND_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// krakenctl pull IMAGE: has the agent bring an image to this node, and shows how it goes. The bytes
// are checked and let go.
int RunPullCommand(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_PULL_COMMAND_H_
