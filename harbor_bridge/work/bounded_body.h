#ifndef HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_
#define HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "kraken/net/http_exchange.h"

namespace harbor_bridge {

// A request's body, or the beginning of one that is too large.
struct BoundedBody {
  std::string bytes;
  uint64_t total_bytes = 0;

  bool is_whole() const { return bytes.size() == total_bytes; }
};

// Reads a body to its end, however long it is, and keeps at most `max_bytes` of it: who refuses a
// registry's event is sent it again for ever. `done` runs in the exchange's loop.
void ReadBoundedBody(std::shared_ptr<kraken::net::HttpExchange> exchange, size_t max_bytes,
                     absl::AnyInvocable<void(BoundedBody)> done);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_BOUNDED_BODY_H_
