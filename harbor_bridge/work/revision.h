#ifndef HARBOR_BRIDGE_WORK_REVISION_H_
#define HARBOR_BRIDGE_WORK_REVISION_H_

#include <cstdint>

namespace harbor_bridge {

// The revision of what Harbor is about to be asked: milliseconds since the epoch. A later answer
// wins over an earlier one, whichever is written first.
uint64_t RevisionNow();

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_REVISION_H_
