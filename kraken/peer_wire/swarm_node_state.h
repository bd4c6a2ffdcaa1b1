// What SwarmNodeImpl keeps of each torrent and reader, and how other threads come back to it.
#ifndef KRAKEN_PEER_WIRE_SWARM_NODE_STATE_H_
#define KRAKEN_PEER_WIRE_SWARM_NODE_STATE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/swarm_node_impl.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::peer_wire {

// A torrent in memory.
struct SwarmNodeImpl::Torrent {
  swarm::TorrentKey key;
  // Tells it from a former torrent of the same key, in callbacks.
  uint64_t generation = 0;
  std::shared_ptr<TorrentContent> content;
  // Not valid while the disk pool opens it.
  swarm::TorrentId id;
  // Of a torrent that is fetched.
  std::optional<swarm::Metainfo> metainfo;
  std::vector<LeechCallbacks> waiters;
  // Peers that wait until it has been opened.
  std::vector<absl::AnyInvocable<void(bool)>> on_opened;
  // Peers that were named before it was open.
  std::vector<swarm::PeerInfo> early_peers;
  bool committing = false;
  bool complete = false;
};

struct SwarmNodeImpl::Reader {
  uint64_t number = 0;
  swarm::TorrentKey key;
  ByteOffset cursor;
  bool suspended = false;
  // Not valid while the torrent is being opened.
  swarm::ReaderId id;
};

template <typename Function>
void SwarmNodeImpl::PostTo(const std::shared_ptr<SwarmNodeImpl*>& alive,
                           const net::LoopHandle& control, Function fn) {
  control.Post([alive, fn = std::move(fn)]() mutable {
    if (*alive != nullptr) fn(**alive);
  });
}

template <typename Function>
void SwarmNodeImpl::Later(Function fn) {
  PostTo(alive_, control_, std::move(fn));
}

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_SWARM_NODE_STATE_H_
