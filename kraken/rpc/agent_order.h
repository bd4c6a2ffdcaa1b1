// What every order to agents must be, for trackers and agents alike.
#ifndef KRAKEN_RPC_AGENT_ORDER_H_
#define KRAKEN_RPC_AGENT_ORDER_H_

#include <cstddef>

#include "absl/status/status.h"
#include "kraken/rpc/tracker.pb.h"

namespace kraken::rpc {

inline constexpr size_t kOrderIdBytes = 16;
// Blobs, or manifests, of one order.
inline constexpr int kMaxOrderedBlobs = 1000;
// Orders at work, at one tracker and at one agent.
inline constexpr size_t kMaxOrders = 256;

// INVALID_ARGUMENT says what is wrong; UNIMPLEMENTED: it asks for something that is not known here.
absl::Status CheckOrder(const v1::AgentOrder& order);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_AGENT_ORDER_H_
