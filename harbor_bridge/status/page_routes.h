#ifndef HARBOR_BRIDGE_STATUS_PAGE_ROUTES_H_
#define HARBOR_BRIDGE_STATUS_PAGE_ROUTES_H_

#include "kraken/daemon/admin_gate.h"
#include "kraken/net/router.h"

namespace harbor_bridge {

// The status page at `/`, and what it loads below /page/, behind the gate. The files are part of
// the program. What a browser may do with them is said as strictly as it can be: only our own
// script and style, nothing inline, no frame.
void AddPageRoutes(kraken::net::Router& router, kraken::daemon::AdminGate* gate);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_PAGE_ROUTES_H_
