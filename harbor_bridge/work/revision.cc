#include "harbor_bridge/work/revision.h"

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace harbor_bridge {

uint64_t RevisionNow() { return static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())); }

}  // namespace harbor_bridge
