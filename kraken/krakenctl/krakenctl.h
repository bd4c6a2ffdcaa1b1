#ifndef KRAKEN_KRAKENCTL_KRAKENCTL_H_
#define KRAKEN_KRAKENCTL_KRAKENCTL_H_

#include "kraken/krakenctl/command.h"

namespace kraken::krakenctl {

// The whole of krakenctl: runs the command that the first argument names. Exit codes: 0, 1 for a
// command that failed, 2 for a mistake in the command line.
int RunKrakenctl(Arguments arguments, const Terminal& terminal);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_KRAKENCTL_H_
