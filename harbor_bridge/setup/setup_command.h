#ifndef HARBOR_BRIDGE_SETUP_SETUP_COMMAND_H_
#define HARBOR_BRIDGE_SETUP_SETUP_COMMAND_H_

#include "absl/strings/string_view.h"
#include "kraken/daemon/command.h"

namespace harbor_bridge {

// Whether harbor-bridge's first argument names one of its commands, rather than a flag of the
// daemon.
bool IsSetupCommand(absl::string_view word);

// harbor-bridge register | unregister | doctor, by `name`. Exit codes: 0, all is well; 1, something
// failed, and what was said; 2, a mistake in the command line; 3, in the configuration.
int RunSetupCommand(absl::string_view name, kraken::daemon::Arguments arguments,
                    const kraken::daemon::Terminal& terminal);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_SETUP_SETUP_COMMAND_H_
