#ifndef HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_
#define HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "harbor_bridge/work/body_budget.h"
#include "kraken/net/http_exchange.h"

namespace harbor_bridge {

// A request's body, or the beginning of one that is too large.
struct BoundedBody {
  std::string bytes;
  uint64_t total_bytes = 0;
  // What `bytes` take of the budget, `copies` times. To be held as long as they are.
  BodyBudget::Room room;

  bool is_whole() const { return bytes.size() == total_bytes; }
};

struct BodyLimits {
  // Of one body. More is read and thrown away.
  size_t max_bytes = 0;
  // How often the reader has all of it in memory.
  size_t copies = 1;
  // Of all bodies. Outlives the exchange, and what `done` does with the body.
  BodyBudget* budget = nullptr;
};

// Reads a body to its end, however long it is, and keeps at most `limits.max_bytes` of it: who
// refuses a registry's event is sent it again for ever. It is not read before there is room for it;
// who would wait for too long gets 503 with Retry-After, and who is slow while others wait is cut
// off. `done` runs in the exchange's loop.
void ReadBoundedBody(std::shared_ptr<kraken::net::HttpExchange> exchange, BodyLimits limits,
                     absl::AnyInvocable<void(BoundedBody)> done);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_
