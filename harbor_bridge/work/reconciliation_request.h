#ifndef HARBOR_BRIDGE_WORK_RECONCILIATION_REQUEST_H_
#define HARBOR_BRIDGE_WORK_RECONCILIATION_REQUEST_H_

#include <functional>
#include <string>

namespace harbor_bridge {

// Asks that a Harbor be compared as a whole, soon: an event of its was lost, or does not say
// enough. `reason` is for a person. Called from any thread, perhaps many times in a row; returns at
// once.
using RequestReconciliation =
    std::function<void(const std::string& harbor, const std::string& reason)>;

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_RECONCILIATION_REQUEST_H_
