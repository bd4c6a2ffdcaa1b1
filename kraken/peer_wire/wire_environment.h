#ifndef KRAKEN_PEER_WIRE_WIRE_ENVIRONMENT_H_
#define KRAKEN_PEER_WIRE_WIRE_ENVIRONMENT_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/node_options.h"
#include "kraken/peer_wire/wire_event.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {

// Payload and mishaps, counted by all I/O loops.
struct WireCounters {
  std::atomic<uint64_t> bytes_from_origins{0};
  std::atomic<uint64_t> bytes_from_agents{0};
  std::atomic<uint64_t> bytes_sent{0};
  std::atomic<uint64_t> malformed{0};
};

// What all connections of a node share. Immutable but for what is thread-safe, and `sink`, which
// belongs to the control loop: null once nobody listens any more.
struct WireEnvironment {
  net::LoopHandle control;
  WorkerPool* disk = nullptr;
  WireLimits limits;
  TransportSecurity security;
  Hello hello;
  WireCounters counters;
  WireEventSink* sink = nullptr;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_WIRE_ENVIRONMENT_H_
