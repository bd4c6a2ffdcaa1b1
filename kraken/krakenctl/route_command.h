#ifndef KRAKEN_KRAKENCTL_ROUTE_COMMAND_H_
#define KRAKEN_KRAKENCTL_ROUTE_COMMAND_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// krakenctl route IMAGE: what a bridge's routes do with an image, and why. Nothing happens to it.
int RunRouteCommand(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_ROUTE_COMMAND_H_
